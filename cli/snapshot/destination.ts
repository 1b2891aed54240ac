/**
 * Where a snapshot goes. It is made in a folder of its own beside that place, which only the owner may read, and put there
 * when it is whole: so nobody takes a part for a snapshot, whatever ends it.
 */
import { mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { done, type Outcome, refused, systemReason } from '../refusal.ts';

export interface Destination {
  readonly path: string;
  readonly kind: 'folder' | 'archive';
  /** For the snapshot as a folder; not made yet. */
  readonly folder: string;
  /** For the snapshot as a .tar.gz; not made yet. */
  readonly archive: string;
  /** Puts it where it should be. */
  commit(): Outcome<null>;
  /** Removes all that was made and not put there. */
  close(): void;
}

/** @param attempted for the refusal: `take a snapshot`. */
export function openDestination(out: string, attempted: string): Outcome<Destination> {
  const path = resolve(out);
  const kind = /\.(?:tar\.gz|tgz)$/.test(path) ? 'archive' : 'folder';
  const obstacle = whyNotThere(path, kind);
  if (obstacle !== null)
    return refused(attempted, `${out} ${obstacle}`, 'Name one that does not exist yet with --out.');
  const stage = stageBeside(path);
  if (!stage.ok) {
    return refused(
      attempted,
      `${dirname(path)}: ${stage.reason}`,
      'The snapshot is written there: it must be a folder that may be written to.',
    );
  }
  const folder = join(stage.path, 'snapshot');
  const archive = join(stage.path, 'snapshot.tar.gz');
  return done({
    path: out,
    kind,
    folder,
    archive,
    commit: () => {
      try {
        renameSync(kind === 'folder' ? folder : archive, path);
        return done(null);
      } catch (cause) {
        return refused(
          attempted,
          `${out}: ${systemReason(cause)}`,
          'Something came to be there meanwhile: name another place.',
        );
      }
    },
    close: () => rmSync(stage.path, { recursive: true, force: true }),
  });
}

function whyNotThere(path: string, kind: Destination['kind']): string | null {
  try {
    const isFolder = statSync(path).isDirectory();
    if (kind === 'archive' || !isFolder) return 'exists already';
    return readdirSync(path).length > 0 ? 'is a folder with something in it' : null;
  } catch {
    // Not there; whether it can be made is seen when it is.
    return null;
  }
}

function stageBeside(path: string) {
  try {
    return { ok: true, path: mkdtempSync(join(dirname(path), '.plumbline-snapshot-')) } as const;
  } catch (cause) {
    return { ok: false, reason: systemReason(cause) } as const;
  }
}
