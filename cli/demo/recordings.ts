/** The recorded clusters that come with the source; the demo plays with two of them. */
import { join } from 'node:path';

export type RecordingName = 's1-healthy' | 's2-stale-stopped';

/** The path of one, a .tar.gz. */
export function recordingArchive(name: RecordingName): string {
  return join(import.meta.dirname, `../../test/recordings/${name}.tar.gz`);
}
