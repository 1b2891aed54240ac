/** The fact of the node that explains why its pods get no network. */
import type { NodeView } from '../../model/check.ts';
import { cniHere } from './cni.ts';
import { missingPlugins, whyNoConfiguration } from './cni-files.ts';
import type { SandboxReason } from './sandbox-reasons.ts';
import { joined } from './words.ts';

/** @param reason what an Event says; null where none does. @returns null where the node shows nothing of it. */
export function nodeFactFor(view: NodeView, reason: SandboxReason | null): string | null {
  const { cni, flannel } = view.parts;
  if (cni.state !== 'ok') return null;
  const { configurations, pluginFolders, reservations } = cni.value;
  const none = whyNoConfiguration(view);
  if (none !== null) return none;
  const here = cniHere(view);
  if (here === null) return null;
  const there = new Set(pluginFolders.flatMap(({ executables }) => executables));
  const missing = missingPlugins(view);
  switch (reason?.kind) {
    case 'plugin-missing':
      if (missing.includes(reason.plugin))
        return `${joined(pluginFolders.map(({ path }) => path))} has no ${reason.plugin}`;
      return there.has(reason.plugin) ? `${reason.plugin} is there again` : null;
    case 'flannel-not-ready':
      return flannel.state === 'absent'
        ? '/run/flannel/subnet.env is not there'
        : '/run/flannel/subnet.env is there now';
    case 'addresses-used-up':
      return `${reservations.total} addresses are reserved by host-local`;
    default: {
      if (missing.length > 0)
        return `${here.configuration.file} names ${joined(missing)}, which no folder of plugins has`;
      const usable = configurations.filter(({ problem }) => problem === null);
      return usable.length > 1 && reason !== null
        ? `${usable.length} CNI configurations are there, and ${here.configuration.file} is taken`
        : null;
    }
  }
}
