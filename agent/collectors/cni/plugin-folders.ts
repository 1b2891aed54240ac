/** Which CNI plugins can be run, in the folders where runtimes look for them. */
import type { CniReport } from '../../../proto/parts.ts';
import type { Host } from '../../host.ts';
import { cut, type Found } from './reading.ts';

/** containerd's and CRI-O's defaults, Fedora's, Debian's. */
const folders: readonly string[] = ['/opt/cni/bin', '/usr/libexec/cni', '/usr/lib/cni'];
const mostNames = 1000;
const mostExecutables = 200;

/** Those of the folders that are there; none where none is shown to the agent. */
export async function readPluginFolders(host: Host): Promise<Found<CniReport['pluginFolders']>> {
  const found: CniReport['pluginFolders'][number][] = [];
  for (const path of folders) {
    const listed = await host.executables?.(path, mostNames);
    if (listed === undefined || (!listed.ok && listed.kind === 'absent')) continue;
    if (!listed.ok) return { ok: false, reason: listed.message };
    const names = listed.entries.map(({ name }) => cut(name));
    found.push({ path, executables: names.slice(0, mostExecutables) });
  }
  return { ok: true, value: found };
}
