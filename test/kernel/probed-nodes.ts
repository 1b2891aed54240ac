/** Nodes of a lab that probe each other, as the aggregator would have them do it, and are judged with what they tell. */
import { objectsOf } from '../../aggregator/audit/objects.ts';
import { ProbeTargets, probeRing } from '../../aggregator/audit/probe-targets.ts';
import { largestPacketTo } from '../../aggregator/checks/shared/largest-packet.ts';
import type { ClusterSnapshot } from '../../aggregator/model/cluster.ts';
import type { Finding } from '../../aggregator/model/finding.ts';
import { readApiFolder } from '../../cli/audit/api-folder.ts';
import { judge, type ObservedNode, observeAll } from '../../cli/audit/audit-nodes.ts';
import type { NodeParts, ProbesReport } from '../../proto/parts.ts';
import { until } from '../e2e/until.ts';
import { reported } from '../view-builders.ts';
import { labHost } from './lab-host.ts';
import type { PodLab } from './lab-nodes.ts';
import { ProbingPeer } from './probing-peer.ts';

/** Of the lab's pods and nodes. */
const ranges = '10.244.0.0/16,192.168.100.0/24';

export class ProbedNodes {
  readonly #lab: PodLab;
  readonly #peers: ReadonlyMap<string, ProbingPeer>;

  constructor(lab: PodLab) {
    this.#lab = lab;
    this.#peers = new Map(lab.nodes.map(({ name, namespace }) => [name, new ProbingPeer(namespace, { ranges })]));
  }

  /**
   * Reads all nodes as they are now, has them probe each other anew, and judges both together: findings of L1 and L2.
   * @throws where probes come to no end.
   */
  async findings(): Promise<readonly Finding[]> {
    const { nodes } = this.#lab;
    const state = this.#state();
    const observed = await observeAll(nodes.map((node) => ({ name: node.name, host: labHost(node) })));
    const listening = await this.#each(observed, (peer, parts, name) => listens(peer, parts, name));
    const targets = targetsOf(state, withProbes(observed, listening));
    const told = await this.#each(observed, (peer, parts, name) =>
      probes(peer, parts, { name, targets: targets(name) }),
    );
    const { report } = judge(withProbes(observed, told), state);
    return report.findings.filter(({ layer }) => layer === 'L1' || layer === 'L2');
  }

  async end(): Promise<void> {
    await Promise.all([...this.#peers.values()].map((peer) => peer.end()));
  }

  #state(): ClusterSnapshot {
    const state = readApiFolder(this.#lab.writeApi(), 'judge the lab');
    if (!state.ok) throw new Error(state.refusal.cameBack);
    return state.value;
  }

  async #each(
    observed: readonly ObservedNode[],
    ask: (peer: ProbingPeer, parts: NodeParts, name: string) => Promise<ProbesReport>,
  ): Promise<ReadonlyMap<string, ProbesReport>> {
    const told = observed.map(async ({ name, observation }) => {
      const peer = this.#peers.get(name);
      if (peer === undefined) throw new Error(`${name} has no probes`);
      return [name, await ask(peer, observation.parts, name)] as const;
    });
    return new Map(await Promise.all(told));
  }
}

/** It stands at its addresses, and has forgotten what it was asked before. */
function listens(peer: ProbingPeer, parts: NodeParts, name: string): Promise<ProbesReport> {
  const addresses = addressesOf(parts);
  return until({
    what: `${name} to listen at ${addresses.join(', ')}`,
    seconds: 10,
    look: async () => (await peer.do({ do: 'stand', addresses, targets: [] })).report,
    met: ({ listening, results }) => listening.length === addresses.length && results.length === 0,
  });
}

/** Three of each size were answered, or lost. */
async function probes(
  peer: ProbingPeer,
  parts: NodeParts,
  { name, targets }: { readonly name: string; readonly targets: ReturnType<ProbeTargets['of']> },
): Promise<ProbesReport> {
  await peer.do({ do: 'stand', addresses: addressesOf(parts), targets });
  return until({
    what: `the probes of ${name} to be sent`,
    seconds: 30,
    look: () => peer.report(),
    met: ({ results }) => results.length > 0 && results.every(({ sent }) => sent === 3),
  });
}

function addressesOf({ addresses }: NodeParts): readonly string[] {
  if (addresses.state !== 'ok') throw new Error(`addresses are ${addresses.state}`);
  const all = addresses.value.addresses.filter(({ link }) => link !== 'lo').map(({ address }) => address);
  return all.filter((address) => !address.startsWith('fe80:'));
}

function withProbes(
  observed: readonly ObservedNode[],
  told: ReadonlyMap<string, ProbesReport>,
): readonly ObservedNode[] {
  return observed.map(({ name, observation }) => {
    const probes = told.get(name);
    if (probes === undefined) throw new Error(`${name} told nothing of its probes`);
    return { name, observation: { ...observation, parts: { ...observation.parts, probes: reported(probes) } } };
  });
}

/** Whom the aggregator would have each of them probe. */
function targetsOf(state: ClusterSnapshot, observed: readonly ObservedNode[]) {
  const objects = objectsOf(state);
  const parts = new Map(observed.map(({ name, observation }) => [name, observation.parts]));
  const fleet = {
    nodes: new Map(state.nodes.map((node) => [node.name, node])),
    parts: (name: string) => parts.get(name) ?? null,
    podsOn: (name: string) => objects.podsOn(name),
    apiServers: [],
    largestPacketTo,
  };
  const targets = new ProbeTargets(fleet, Date.now());
  const ring = probeRing(state.nodes, Date.now());
  return (name: string) => targets.of(name, ring.peersOf(name, 0));
}
