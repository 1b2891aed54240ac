/** Nodes in the form that leaves the program. */
import type { NodeDetail, NodeRecord } from '../model/record.ts';
import type { NodeJson } from './schemas/node.ts';

/** Field by field, so that nothing leaves that no schema names. */
export function nodeJson(node: NodeRecord): NodeJson {
  return {
    name: node.name,
    uid: node.uid,
    mode: node.mode,
    state: node.state,
    frontends: node.frontends,
    agent: node.agent,
    lastHeardAt: node.lastHeardAt,
    lastReadingAt: node.lastReadingAt,
    readingIntervalSeconds: node.readingIntervalSeconds,
    agentVersion: node.agentVersion,
    kubeProxyVersion: node.kubeProxyVersion,
    unknownBecause: [...node.unknownBecause],
    layers: node.layers.map(({ layer, state, because }) => ({ layer, state, because: [...because] })),
    showsStateOf: node.showsStateOf,
    findings: node.findings,
    agentMetrics:
      node.agentMetrics === null ? null : { ...node.agentMetrics, hintSources: [...node.agentMetrics.hintSources] },
    ways: [...node.ways],
    waysSentence: node.waysSentence,
  };
}

/** The same with the parts of its report. */
export function nodeDetailJson(node: NodeDetail) {
  const { parts, network, kubeProxy } = node;
  return {
    ...nodeJson(node),
    parts: parts.map(({ name, state, collectedAt, reason }) => ({ name, state, collectedAt, reason })),
    network: network.map(({ layer, name, value }) => ({ layer, name, value })),
    kubeProxy: kubeProxy === null ? null : { ...kubeProxy, problems: [...kubeProxy.problems] },
  };
}
