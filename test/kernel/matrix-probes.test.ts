/**
 * The agent's real connections to a Service and its pod, through real Service rules and an nft rule that drops as a CNI
 * plugin that enforces a policy would: whether they differ from what policies and endpoints predict, and what explains it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Host, localHost } from '../../agent/host.ts';
import { wholeMatrix } from '../../aggregator/audit/matrix/matrix.ts';
import { observedPairs } from '../../aggregator/audit/matrix/observations.ts';
import { MatrixTargets, openTargets, probeAnnotation } from '../../aggregator/audit/matrix-targets.ts';
import { objectsOf } from '../../aggregator/audit/objects.ts';
import type { ClusterSnapshot } from '../../aggregator/model/cluster.ts';
import type { MatrixPair } from '../../aggregator/model/matrix.ts';
import type { NetworkPolicy } from '../../aggregator/model/policy.ts';
import { judge, observeAll } from '../../cli/audit/audit-nodes.ts';
import type { ProbeResult } from '../../proto/parts.ts';
import { node, pod, prefix, service, slice } from '../builders.ts';
import { until } from '../e2e/until.ts';
import { probes } from '../network-builders.ts';
import { policy } from '../policy-world.ts';
import { reported } from '../view-builders.ts';
import { type Lab, localAddresses, nodeAddress, openLab } from './lab.ts';
import { labNode } from './lab-cluster.ts';
import { makeCounters } from './loaded-rules.ts';
import { mustRunIn, removeAbandoned, whyNotHere } from './namespaces.ts';
import { ProbingPeer } from './probing-peer.ts';
import { programRules } from './programmed-rules.ts';

const dbPod = '10.244.2.10';
const [db, shy] = [
  service('shop/db').clusterIP('10.96.0.2').port(5432, 'pg'),
  service('shy/db').clusterIP('10.96.0.3').port(80),
];

/** Two Services with a pod each; the Namespace of one asks for probes. */
function clusterWith(networkPolicies: readonly NetworkPolicy[]): ClusterSnapshot {
  const owner = { kind: 'StatefulSet', name: 'db' };
  const asks = { [probeAnnotation]: 'true' };
  return {
    services: [db.built, shy.built],
    endpointSlices: [
      slice('shop/db').port(8080, 'pg').ready(dbPod).built,
      slice('shy/db').port(8080).ready('10.244.2.11').built,
    ],
    nodes: [
      { ...node(labNode, nodeAddress), podCIDRs: [prefix('10.244.1.0/24')] },
      { ...node('node-b', '192.168.100.12'), podCIDRs: [prefix('10.244.2.0/24')] },
    ],
    pods: [
      { ...pod('shop/db-0', 'node-b', dbPod), labels: { app: 'db' }, owner },
      pod('shy/db-0', 'node-b', '10.244.2.11'),
    ],
    namespaces: ['shop', 'shy'].map((name) => ({ name, labels: {}, annotations: name === 'shop' ? asks : {} })),
    networkPolicies,
    ...{ podEvents: null, foreignPolicies: [], dnsConfigurations: null },
  };
}

const open = clusterWith([]);
const closed = clusterWith([policy('shop/nobody', { podSelector: {}, policyTypes: ['Ingress'] })]);

/** Programs what kube-proxy programs. @param without the rules of this Service are left out. */
function program(namespace: string, without: string | null = null): void {
  programRules(
    { name: labNode, namespace, localAddresses },
    open,
    (line) => without !== null && line.includes(without),
  );
}

/** What probes saw, as the matrix shows it: of all pairs those that begin at a node. */
interface Seen {
  readonly pairs: readonly string[];
  /** Of the checks that speak of L3 and of policies. */
  readonly findings: readonly string[];
}

/** The node as it is now, judged with the probes, beside the API's objects. */
async function judged(namespace: string, state: ClusterSnapshot, results: readonly ProbeResult[]): Promise<Seen> {
  const get: Host['get'] = async (url) => ({ ok: false, kind: 'refused', message: `GET ${url}: connection refused` });
  const [observed] = await observeAll([{ name: labNode, host: localHost({ netns: namespace, get }) }]);
  if (observed === undefined) throw new Error('the node was not observed');
  const { observation } = observed;
  const part = reported(probes({ results }));
  const { report } = judge(
    [{ ...observed, observation: { ...observation, parts: { ...observation.parts, probes: part } } }],
    state,
  );
  const objects = objectsOf(state);
  const pairs = observedPairs(objects, [{ name: labNode, results }], report.findings);
  const question = { namespace: null, from: `node/${labNode}`, to: null, show: 'all' } as const;
  const checks = new Set(['matrix-mismatch', 'missing-service', 'policy-not-enforced']);
  return {
    pairs: wholeMatrix(objects, question, pairs).pairs.map(pairText),
    findings: report.findings
      .filter(({ check }) => checks.has(check))
      .map(({ check, layer, summary }) => `${layer} ${check}: ${summary}`)
      .sort(),
  };
}

function pairText({ to, ports, allowed, observed }: MatrixPair): string {
  const { result, differs, explainedBy } = observed ?? {};
  const why = explainedBy === null || explainedBy === undefined ? '' : ` ${explainedBy.layer}: ${explainedBy.because}`;
  return `${to} ${ports.join()} allowed ${allowed}, ${result}, differs ${differs}${why}`;
}

describe('connections from a node to a Service and its pod', () => {
  let lab: Lab;
  let peer: ProbingPeer;

  beforeAll(async () => {
    const obstacle = whyNotHere(['ip', 'nft', 'iptables-nft-restore', 'nfacct', 'conntrack', 'sysctl']);
    if (obstacle !== null) throw new Error(obstacle);
    removeAbandoned();
    lab = await openLab('matrix');
    makeCounters(lab.node);
    await lab.listen('world', [{ protocol: 'tcp', address: dbPod, port: 8080 }]);
    // Two minutes pass in less than two seconds.
    peer = new ProbingPeer(lab.node, { ranges: '10.244.0.0/16,10.96.0.0/16', haste: 80 });
  });

  afterAll(async () => {
    await peer?.end();
    await lab?.close();
  });

  /** Has the agent connect to what the aggregator would name, until all of the newest three came to the same. */
  async function connections(answered: (result: ProbeResult) => number): Promise<readonly ProbeResult[]> {
    const targets = new MatrixTargets(openTargets(objectsOf(open)), [labNode, 'node-b'], 0).of(labNode);
    const others = new MatrixTargets(openTargets(objectsOf(open)), [labNode, 'node-b'], 1).of(labNode);
    await peer.do({ do: 'stand', addresses: [nodeAddress], targets: [...targets, ...others] });
    const { results, refusals } = await until({
      what: 'three connections to each',
      seconds: 15,
      look: () => peer.report(),
      met: (report) =>
        report.results.length > 0 && report.results.every((one) => one.sent === 3 && one.answered === answered(one)),
    });
    expect(refusals).toEqual([]);
    return results;
  }

  it('agree where all is well, and differ where nothing enforces a policy', async () => {
    program(lab.node);
    const well = await connections(() => 3);
    expect(well.map(({ by, address, port }) => `${by} ${address}:${port}`)).toEqual([
      'service 10.96.0.2:5432',
      `endpoint ${dbPod}:8080`,
    ]);
    expect(await judged(lab.node, open, well)).toEqual({
      pairs: [
        'statefulset/shop/db 8080 allowed true, reached, differs false',
        'svc/shop/db 5432 allowed true, reached, differs false',
      ],
      findings: [],
    });
    const unenforced = 'L5: policies deny it and it is let through: whatever should enforce them does not';
    expect(await judged(lab.node, closed, well)).toEqual({
      pairs: [
        `statefulset/shop/db 8080 allowed false, reached, differs true ${unenforced}`,
        `svc/shop/db 5432 allowed false, reached, differs true ${unenforced}`,
      ],
      findings: [
        `L5 matrix-mismatch: ${labNode} connects to shop/db (10.96.0.2:5432), which policies forbid: nothing enforces them on this way.`,
        `L5 matrix-mismatch: ${labNode} connects to shop/db-0 at port 8080, which policies forbid: nothing enforces them on this way.`,
      ],
    });
  });

  it('that a plugin drops agree with a policy that denies them; without one the layer is L5', async () => {
    const chain = `chain out { type filter hook output priority 0; ip daddr ${dbPod} tcp dport 8080 drop; }`;
    mustRunIn(lab.node, 'nft', ['-f', '-'], `table inet cni {\n ${chain}\n}\n`);
    const lost = await connections(() => 0);
    expect(await judged(lab.node, closed, lost)).toEqual({
      pairs: [
        'statefulset/shop/db 8080 allowed false, not-reached, differs false',
        'svc/shop/db 5432 allowed false, not-reached, differs false',
      ],
      findings: [],
    });
    const dropped =
      'L5: policies allow it and no finding of a lower layer explains it: something on the way drops it, as a policy of another kind or a firewall would';
    expect(await judged(lab.node, open, lost)).toEqual({
      pairs: [
        `statefulset/shop/db 8080 allowed true, not-reached, differs true ${dropped}`,
        `svc/shop/db 5432 allowed true, not-reached, differs true ${dropped}`,
      ],
      findings: [
        `L5 matrix-mismatch: ${labNode} cannot connect to shop/db (10.96.0.2:5432), which no policy forbids: 0 of 3 connections came about.`,
        `L5 matrix-mismatch: ${labNode} cannot connect to shop/db-0 at port 8080, which no policy forbids: 0 of 3 connections came about.`,
      ],
    });
    mustRunIn(lab.node, 'nft', ['delete', 'table', 'inet', 'cni']);
  });

  it('that the node has no rule for are explained by the finding of L3', async () => {
    program(lab.node, 'shop/db');
    const without = await connections(({ by }) => (by === 'service' ? 0 : 3));
    const missing = `${labNode} has no rule for shop/db:pg at tcp 10.96.0.2:5432: all packets leave untranslated.`;
    expect(await judged(lab.node, open, without)).toEqual({
      pairs: [
        `svc/shop/db 5432 allowed true, not-reached, differs true L3: ${missing}`,
        'statefulset/shop/db 8080 allowed true, reached, differs false',
      ],
      findings: [`L3 missing-service: ${missing}`],
    });
  });
});
