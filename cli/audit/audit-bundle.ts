/** The audit of a bundle, from its path to the verdict. */
import type { Host } from '../../agent/host.ts';
import { recordedHost } from '../../agent/recorded-host.ts';
import type { ClusterSnapshot } from '../../aggregator/model/cluster.ts';
import { done, type Outcome } from '../refusal.ts';
import { readApiFolder } from './api-folder.ts';
import { auditNodes, judge, type ObservedNode, observeAll } from './audit-nodes.ts';
import { type Bundle, type BundlePlaces, isTold, openBundle, type RecordedNode } from './bundle.ts';
import type { Audit } from './report.ts';

/** Says what to close should the program be ended early, and gives back what takes that off again. */
export type WhileOpen = (close: () => void) => () => void;

/**
 * Opens the bundle, reads every node in it, judges them against the API lists and closes it again.
 * @param whileOpen see WhileOpen; a bundle that is an archive is unpacked for as long.
 */
export async function auditBundle(
  places: BundlePlaces,
  whileOpen: WhileOpen = () => () => undefined,
): Promise<Outcome<Audit>> {
  const bundle = await openBundle(places);
  if (!bundle.ok) return bundle;
  const forget = whileOpen(bundle.value.close);
  try {
    const state = readApiFolder(bundle.value.apiFolder, `audit ${places.bundle}`);
    if (!state.ok) return state;
    return await auditRecorded(bundle.value, state.value, `audit ${places.bundle}`);
  } finally {
    forget();
    bundle.value.close();
  }
}

async function auditRecorded(
  { folder, nodes }: Bundle,
  state: ClusterSnapshot,
  attempted: string,
): Promise<Outcome<Audit>> {
  const raw = nodes.filter((node) => !isTold(node));
  const hosts = raw.map((node) => ({ name: node.name, host: hostOf(node) }));
  if (raw.length === nodes.length) return done(await auditNodes(hosts, state));
  // What reads snapshots is loaded only for them.
  const [{ readToldNodes }, { unknownFindings, withUnjudged }] = await Promise.all([
    import('./told-nodes.ts'),
    import('./unjudged.ts'),
  ]);
  const told = readToldNodes(nodes.filter(isTold), attempted);
  if (!told.ok) return told;
  const { judged, unjudged } = told.value;
  const audit = judge([...(await observeAll(hosts)), ...judged].sort(byName), state);
  return done(withUnjudged(audit, unjudged, unknownFindings(folder)));
}

function hostOf({ folder, under }: RecordedNode): Host {
  return under === null ? recordedHost(folder) : recordedHost(folder, under);
}

function byName(one: ObservedNode, other: ObservedNode): number {
  return one.name < other.name ? -1 : 1;
}
