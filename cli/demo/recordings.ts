/** The recorded clusters that the demo plays with: one cluster at three moments. They come with the source. */
import { join } from 'node:path';
import { unpackBundle } from '../bundle-archive.ts';
import { done, type Outcome, refused } from '../refusal.ts';

export const nodeNames = ['node-a', 'node-b', 'node-c'] as const;
export type NodeName = (typeof nodeNames)[number];

/**
 * `before`: all nodes in sync. `after`: the API has changed, and node-a and node-c have followed. `recovered`: node-b's
 * kube-proxy was started anew.
 */
export type Moment = 'before' | 'after' | 'recovered';

const archives = {
  before: 's1-healthy',
  after: 's2-stale-stopped',
  recovered: 's5-recovered',
} as const satisfies { readonly [moment in Moment]: string };

/** The unpacked recordings. */
export interface Recordings {
  /** The folder of a node, with its rules, links and kube-proxy's answers. */
  nodeFolder(moment: Moment, node: NodeName): string;
  /** The API server's lists of `before`. */
  readonly apiFolder: string;
  /** What the API server told between `before` and `after`. */
  readonly watchFolder: string;
}

/** Unpacks them. @param into a folder that the caller removes. */
export async function unpackRecordings(into: string): Promise<Outcome<Recordings>> {
  const folders = new Map<Moment, string>();
  for (const moment of ['before', 'after', 'recovered'] as const) {
    const archive = join(import.meta.dirname, `../../test/recordings/${archives[moment]}.tar.gz`);
    const unpacked = await unpackBundle(archive, join(into, moment));
    if (!unpacked.ok) return refused('unpack the recordings', unpacked.message, 'Is the checkout complete?');
    folders.set(moment, unpacked.folder);
  }
  const folderOf = (moment: Moment) => folders.get(moment) ?? join(into, moment);
  return done({
    nodeFolder: (moment, node) => join(folderOf(moment), node),
    apiFolder: join(folderOf('after'), 'before/api'),
    watchFolder: join(folderOf('after'), 'watch'),
  });
}
