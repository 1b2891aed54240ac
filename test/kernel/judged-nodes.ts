/** Nodes of a lab, read and judged in this process by what the agent and the aggregator are made of. */
import { auditNodes } from '../../cli/audit/audit-nodes.ts';
import { readApiFolder } from '../../cli/audit/api-folder.ts';
import type { Host } from '../../agent/host.ts';
import type { Finding } from '../../aggregator/model/finding.ts';
import { labHost, type LabPlaces } from './lab-host.ts';

export interface LabNode extends LabPlaces {
  /** The Node's name in the API. */
  readonly name: string;
}

/**
 * Every finding of the layers below Services, as one audit of all nodes tells it.
 * @param api a folder with the API's lists.
 * @param hostOf what shows a node; without it that is what every lab has.
 * @throws where the lists cannot be read.
 */
export async function findingsBelowServices(
  nodes: readonly LabNode[],
  api: string,
  hostOf: (node: LabNode) => Host = labHost,
): Promise<readonly Finding[]> {
  const state = readApiFolder(api, 'judge the lab');
  if (!state.ok) throw new Error(state.refusal.cameBack);
  const hosts = nodes.map((node) => ({ name: node.name, host: hostOf(node) }));
  const { report } = await auditNodes(hosts, state.value);
  return report.findings.filter(({ layer }) => layer === 'L1' || layer === 'L2');
}
