/*
 * All of kube-proxy hangs on a few jumps from built-in chains. They are written by a full sync only, that is at a start,
 * after a failure, or when the canary chain of the same table was lost; whoever deletes a single jump (firewalld, a unit
 * that restores saved rules: rancher/rke2#10469, k3s-io/k3s#7542) leaves it deleted for up to an hour, and from v1.36 on
 * with more than 1,000 endpoints until a restart. Recorded: a deleted PREROUTING jump survived all changes of Services
 * and came back only when kube-proxy was restarted.
 */
import type { Family } from '../../proto/address.ts';
import type { FrontendKey, Origin } from '../../proto/forwarding.ts';
import { origins } from '../../proto/forwarding.ts';
import type { BaseJump, IptablesStructure } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Difference, Drift } from '../model/drift.ts';
import type { Evidence, Remedy, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { type FaultKind, faultsOf, forwards } from './shared/faults.ts';
import { driftClock, nodeSubject, unique } from './shared/findings.ts';
import { insertJump, program, restartKubeProxy } from './shared/remedies.ts';
import { serviceStructures } from './shared/rules.ts';
import { joined } from './shared/words.ts';

/** The findings on Services that a lost jump brings about. */
const effects: readonly FaultKind[] = [
  'missing-service',
  'rejected-service',
  'unrejected-service',
  'source-range-mismatch',
  'missing-masquerade',
];
/** The chains of table filter that refuse Services without endpoints. */
const refusing = new Set(['KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES']);
/** So many addresses must be without any rule before the chains themselves are said to be unreachable. */
const leastFrontends = 3;

export const missingBaseJump: NodeCheck = {
  id: 'missing-base-jump',
  layer: 'L3',
  scope: 'node',
  severity: 'critical',
  title: "A built-in chain no longer jumps to kube-proxy's chains",
  explanation: `The rules for Services may be whole and right, but packets no longer get to them: a jump from a built-in chain (PREROUTING for pods and outside clients, OUTPUT for the node itself, POSTROUTING for masquerading) is gone, or the chains at its end are gone or empty. All Services fail at once for the origins concerned; what the node itself does may still work, so kubelet and kube-proxy look healthy.

This is one finding for the node; the Services that fail by it are its children. If only jumps in the filter table are missing it is \`high\`: Services work, but refusals and source ranges do not.`,
  falsePositives: `Jumps are looked for only where kube-proxy's service chains live, and a jump that is reached through another chain counts. Jumps that older or newer versions do not write are not expected. A node on which no address at all is served is told only when kube-proxy's mode is known from kube-proxy itself.`,
  remediation: `Restart kube-proxy on the node: only its first sync writes the jumps anew. The inserted rule in the finding's commands helps at once, but find out what flushed or rewrote the chains, or it will happen again.`,
  needs: ['drift', 'iptables'],
  ...driftClock,
  evaluate,
};

interface Broken {
  readonly evidence: readonly Evidence[];
  readonly remedies: readonly Remedy[];
  readonly texts: readonly string[];
  readonly explains: readonly FrontendKey[];
  readonly filterOnly: boolean;
}

function evaluate(view: NodeView): readonly Violation[] {
  const lost = serviceStructures(view).filter((structure) => structure.missingBaseJumps.length > 0);
  const explained = new Set(lost.map(({ family }) => family));
  const broken = lost.map((structure) => brokenJumps(view, structure));
  for (const family of view.profile.families) {
    const unserved = explained.has(family) ? null : nothingServed(view, family);
    if (unserved !== null) broken.push(unserved);
  }
  if (broken.length === 0) return [];
  const explains = unique(broken.flatMap((one) => one.explains));
  const filterOnly = broken.every((one) => one.filterOnly);
  return [
    {
      subject: nodeSubject(view),
      summary: `${joined(unique(broken.flatMap((one) => one.texts)), 3)} on ${view.name}: ${effectText(explains.length, filterOnly)}.`,
      ...(filterOnly ? { severity: 'high' as const } : {}),
      evidence: [...broken.flatMap((one) => one.evidence), fact('frontends touched', String(explains.length))],
      remediation: [...broken.flatMap((one) => one.remedies), restartKubeProxy(view.name)],
      frontends: explains,
      explains,
    },
  ];
}

function effectText(count: number, filterOnly: boolean): string {
  if (filterOnly) return "Services are still translated, but packets that come this way miss kube-proxy's filter rules";
  return count === 0 ? 'no Service suffers yet' : `the rules of ${count} service addresses are passed by`;
}

function brokenJumps(view: NodeView, { backend, family, missingBaseJumps }: IptablesStructure): Broken {
  return {
    texts: missingBaseJumps.map((jump) => `The jump ${jumpText(jump)} is missing (${family})`),
    evidence: missingBaseJumps.map((jump) => fact('missing jump', `${jumpText(jump)} (${program(backend, family)})`)),
    remedies: missingBaseJumps.map((jump) => insertJump(backend, family, jump)),
    explains: view.drift
      .filter((drift) => drift.frontend.family === family && isAccountedFor(drift, missingBaseJumps))
      .map((drift) => drift.key),
    filterOnly: missingBaseJumps.every(({ table }) => table === 'filter'),
  };
}

/** The jumps are there, or nothing of kube-proxy is, and no address of the family is served for anyone. */
function nothingServed(view: NodeView, family: Family): Broken | null {
  const { mode } = view.profile;
  if (mode.source !== 'configz' && mode.source !== 'proxyMode') return null;
  const unserved = new Set(view.drift.filter(isUnserved).map((drift) => drift.key));
  // Most nodes serve what they should: then nobody needs to go through all that is wanted.
  if (unserved.size < leastFrontends) return null;
  const wanted = [...(view.desired ?? [])].filter(
    ([, { frontend, forwarding }]) => frontend.family === family && forwards(forwarding),
  );
  if (wanted.length < leastFrontends || !wanted.every(([key]) => unserved.has(key))) return null;
  const hasChains = serviceStructures(view).some((structure) => structure.family === family);
  return {
    texts: [
      hasChains
        ? `Chain nat KUBE-SERVICES leads nowhere (${family})`
        : `kube-proxy's chains are gone from the nat table (${family})`,
    ],
    evidence: [fact(`addresses served, ${family}`, `0 of ${wanted.length}`)],
    remedies: [],
    explains: view.drift.filter((one) => one.frontend.family === family && isUnserved(one)).map((one) => one.key),
    filterOnly: false,
  };
}

/** Nothing is forwarded; what lacks only its refusal counts too. */
function isUnserved(drift: Drift): boolean {
  return drift.kind === 'missing' || (drift.kind === 'different' && forwards(drift.wanted) && !forwards(drift.real));
}

function jumpText({ table, from, to }: BaseJump): string {
  return `${table} ${from} -> ${to}`;
}

/** Whether every fault of the kinds that a lost jump can bring about is brought about by one of these. */
function isAccountedFor(drift: Drift, lost: readonly BaseJump[]): boolean {
  const faults = faultsOf(drift);
  const differences = effects.flatMap((kind) => faults.get(kind) ?? []);
  return differences.length > 0 && differences.every((difference) => lost.some((jump) => accounts(jump, difference)));
}

function accounts(jump: BaseJump, difference: Difference): boolean {
  if (jump.to === 'KUBE-POSTROUTING') return difference.aspect === 'masquerade' || difference.aspect === 'hairpin';
  if (!originsThrough(jump.from).includes(difference.origin)) return false;
  if (jump.to === 'KUBE-PROXY-FIREWALL') return difference.aspect === 'sources';
  if (difference.aspect !== 'action') return false;
  // A load-balancer address with source ranges is dropped in the filter table when it arrives there untranslated.
  if (jump.table === 'nat') return difference.wanted === 'forward' && difference.real !== 'reject';
  return refusing.has(jump.to) && difference.wanted !== 'forward' && difference.real === 'none';
}

/** INPUT sees what is sent to the node's own addresses, from wherever. */
function originsThrough(chain: string): readonly Origin[] {
  switch (chain) {
    case 'PREROUTING':
    case 'FORWARD':
      return ['pod', 'outside'];
    case 'OUTPUT':
      return ['node'];
    default:
      return origins;
  }
}
