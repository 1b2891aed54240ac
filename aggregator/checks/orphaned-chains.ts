/*
 * kube-proxy deletes the chains of a Service or endpoint that is gone at the end of a sync; past 1,000 endpoints at most
 * once per syncPeriod, and only when some sync happens at all, so that a quiet large cluster keeps them for long. A chain
 * that nothing refers to takes no packet. It matters as a trace: of an entry that somebody deleted, or of a proxy that
 * cannot delete any more, where thousands of them slow down every reading and writing of the rules.
 */
import type { Family } from '../../proto/address.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { IptablesStructure } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Subject, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { restartKubeProxy } from './shared/remedies.ts';
import { indexPorts, type PortIndex, portOfChain, type ServedPort, structuresOf } from './shared/rules.ts';
import { counted, joined } from './shared/words.ts';

/** From so many on they are told in a large cluster too: they slow down the rules. */
const manyChains = 1000;

export const orphanedChains: NodeCheck = {
  id: 'orphaned-chains',
  layer: 'L3',
  scope: 'node',
  severity: 'low',
  title: 'Service chains are left that no rule refers to',
  explanation: `The nat or filter table holds chains of Services or endpoints to which no rule jumps. They take no packets. Either kube-proxy has not cleaned up, or the rule that led to them was deleted: then the Service that lost it is the finding, and this is its child.

More than ${manyChains} of them are \`medium\`: reading and writing the rules gets slow.`,
  falsePositives: `With more than 1,000 endpoints kube-proxy deletes unused chains late on purpose; there they are told only when there are more than ${manyChains}.`,
  remediation: `A restart of kube-proxy removes them. Alone they are not urgent.`,
  needs: ['drift', 'iptables'],
  holdForSeconds: 120,
  clearForSeconds: 60,
  evaluate,
};

interface Orphan {
  readonly chain: string;
  readonly family: Family;
  readonly port: ServedPort | null;
}

function evaluate(view: NodeView): readonly Violation[] {
  const structures = structuresOf(view).filter(({ family, orphanedChains: { total } }) =>
    view.largeCluster[family] ? total > manyChains : total > 0,
  );
  if (structures.length === 0) return [];
  const index = indexPorts(view);
  const orphans = structures.flatMap((structure) => orphansOf(index, structure));
  const total = structures.reduce((sum, structure) => sum + structure.orphanedChains.total, 0);
  const owned = Map.groupBy(orphans, ({ port }) => port);
  const rest = total - orphans.filter(({ port }) => port !== null).length;
  const violations = [...owned].flatMap(([port, chains]) =>
    port === null
      ? []
      : [violation(view, port.subject, { chains, count: chains.length, frontends: touched(view, index, chains) })],
  );
  if (rest === 0) return violations;
  return [
    ...violations,
    violation(view, nodeSubject(view), { chains: owned.get(null) ?? [], count: rest, frontends: [] }),
  ];
}

function orphansOf(index: PortIndex, { family, orphanedChains: { first } }: IptablesStructure): readonly Orphan[] {
  return first.map(({ chain }) => ({ chain, family, port: portOfChain(index, chain) }));
}

/** The frontends of the chains' service port that drift: the loss of a rule that led here shows in these. */
function touched(view: NodeView, index: PortIndex, chains: readonly Orphan[]): readonly FrontendKey[] {
  return view.drift
    .filter(({ key, frontend }) =>
      chains.some(({ port, family }) => family === frontend.family && index.byFrontend.get(key) === port),
    )
    .map(({ key }) => key);
}

interface Found {
  readonly chains: readonly Orphan[];
  readonly count: number;
  readonly frontends: readonly FrontendKey[];
}

function violation(view: NodeView, subject: Subject, { chains, count, frontends }: Found): Violation {
  const names = joined(chains.map(({ chain }) => chain));
  const of = subject.kind === 'Service' ? ` of ${subject.namespace}/${subject.name}` : '';
  return {
    subject,
    summary: `${counted(count, 'chain')}${of} on ${view.name} ${count === 1 ? 'is' : 'are'} referred to by no rule${names === '' ? '' : `: ${names}`}.`,
    ...(count > manyChains ? { severity: 'medium' as const } : {}),
    evidence: chains.slice(0, 20).map(({ chain, family }) => fact(`unreferenced chain, ${family}`, chain)),
    remediation: [restartKubeProxy(view.name)],
    frontends,
  };
}
