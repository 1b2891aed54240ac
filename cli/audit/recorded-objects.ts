/** The API's objects of a bundle alone, for what asks nothing of its nodes: a folder or a .tar.gz, with `api/` in it or not. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { objectsOf } from '../../aggregator/audit/objects.ts';
import type { ClusterObjects } from '../../aggregator/model/cluster.ts';
import { done, type Outcome } from '../refusal.ts';
import { readApiFolder } from './api-folder.ts';
import type { WhileOpen } from './audit-bundle.ts';
import { openFolder } from './opened-folder.ts';

/**
 * Reads the lists and closes the bundle again.
 * @param attempted for the refusal: `ask ./bundle`.
 * @param whileOpen see WhileOpen; an archive is unpacked for as long.
 */
export async function readRecordedObjects(
  bundle: string,
  attempted: string,
  whileOpen: WhileOpen = () => () => undefined,
): Promise<Outcome<ClusterObjects>> {
  const opened = await openFolder(bundle, attempted);
  if (!opened.ok) return opened;
  const forget = whileOpen(opened.value.close);
  try {
    const inside = join(opened.value.folder, 'api');
    const state = readApiFolder(existsSync(inside) ? inside : opened.value.folder, attempted);
    return state.ok ? done(objectsOf(state.value)) : state;
  } finally {
    forget();
    opened.value.close();
  }
}
