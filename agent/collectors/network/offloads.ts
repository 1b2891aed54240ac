/**
 * What VXLAN devices compute in place of the kernel: `ethtool -k flannel.1`, see ethtool(8).
 *
 *     Features for flannel.1:
 *     tx-checksumming: on
 *     	tx-checksum-ip-generic: on
 */
import type { LinksReport, OffloadsReport, Part } from '../../../proto/parts.ts';
import type { Host } from '../../host.ts';

const mostLinks = 10;
/** No name that ethtool could take for an option. */
const nameForm = /^[\w.][\w.:@-]{0,14}$/;
const limits = { deadlineMs: 5000, maxBytes: 64 * 1024 } as const;

/** `absent` where there is no VXLAN device, or no ethtool to ask. */
export async function collectOffloads(
  host: Host,
  links: Part<LinksReport>,
  now: () => Date,
): Promise<Part<OffloadsReport>> {
  const all = links.state === 'ok' ? links.value.links.first : [];
  const vxlans = all.filter(({ kind, name }) => kind === 'vxlan' && nameForm.test(name)).slice(0, mostLinks);
  const told: OffloadsReport['links'][number][] = [];
  for (const { name } of vxlans) {
    const pieces: Uint8Array[] = [];
    const command = { program: 'ethtool', args: ['-k', name], ...limits };
    const result = await host.run(command, (piece) => pieces.push(Uint8Array.from(piece)));
    if (!result.ok && result.kind !== 'absent') return { state: 'failed', reason: result.message };
    if (result.ok) told.push({ link: name, transmitChecksum: checksumIn(Buffer.concat(pieces).toString('latin1')) });
  }
  return told.length === 0
    ? { state: 'absent' }
    : { state: 'ok', value: { links: told }, collectedAt: now().toISOString() };
}

function checksumIn(text: string): boolean | null {
  const word = /^\s*tx-checksum-ip-generic: (on|off)\b/m.exec(text)?.[1];
  return word === undefined ? null : word === 'on';
}
