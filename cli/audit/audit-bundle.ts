/** The audit of a bundle, from its path to the verdict. */
import { recordedHost } from '../../agent/recorded-host.ts';
import { done, type Outcome } from '../refusal.ts';
import { readApiFolder } from './api-folder.ts';
import { auditNodes } from './audit-nodes.ts';
import { type BundlePlaces, openBundle } from './bundle.ts';
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
    const nodes = bundle.value.nodes.map(({ name, folder, under }) => ({
      name,
      host: under === null ? recordedHost(folder) : recordedHost(folder, under),
    }));
    return done(await auditNodes(nodes, state.value));
  } finally {
    forget();
    bundle.value.close();
  }
}
