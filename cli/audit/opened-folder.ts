/** A folder of recordings, given as such or as a .tar.gz that is unpacked for as long as it is needed. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { unpackBundle } from '../bundle-archive.ts';
import { done, type Outcome, refused, systemReason } from '../refusal.ts';

export interface OpenedFolder {
  readonly folder: string;
  /** The folder's own name, or the archive's where it has no folder at its top. */
  readonly name: string;
  /** Removes what was unpacked. */
  close(): void;
}

/**
 * @param path a folder, or a .tar.gz of one.
 * @param attempted what the caller is doing with it, for the refusal: `audit ./bundle`.
 */
export async function openFolder(path: string, attempted: string): Promise<Outcome<OpenedFolder>> {
  const kind = kindOf(path);
  if (typeof kind === 'object') return refused(attempted, `${path}: ${kind.reason}`, advice);
  if (kind === 'folder') {
    const folder = resolve(path);
    return done({ folder, name: basename(folder), close: () => undefined });
  }
  const into = mkdtempSync(join(tmpdir(), 'plumbline-bundle-'));
  const close = () => rmSync(into, { recursive: true, force: true });
  const result = await unpackBundle(path, into);
  if (result.ok) {
    const name = result.folder === into ? basename(path).replace(/\.(tar\.gz|tgz)$/, '') : basename(result.folder);
    return done({ folder: result.folder, name, close });
  }
  close();
  return refused(attempted, result.message, advice);
}

const advice = 'Give a folder that holds a recording, or a .tar.gz of one.';

function kindOf(path: string): 'folder' | 'file' | { readonly reason: string } {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'file';
  } catch (cause) {
    return { reason: systemReason(cause) };
  }
}
