/** Why nothing of a node was held against anything, where its dataplane is one that cannot be compared. */
import type { EbpfProxyReport } from '../../proto/parts.ts';
import type { NodeView } from '../model/check.ts';
import { isSupportedMode } from './desired.ts';

/**
 * Who serves Services there and what is not known of it: `cilium: GET http://cilium.sock/v1/service: ...`.
 * @returns null where the mode is one that is compared, or is itself unknown.
 */
export function uncomparedBecause({ profile: { mode }, parts: { ebpfProxy } }: NodeView): string | null {
  if (mode.source === 'unknown' || isSupportedMode(mode.value)) return null;
  const other = ebpfProxy.state === 'ok' ? ebpfProxy.value : null;
  switch (mode.value) {
    case 'cilium':
    case 'ebpf':
      return `${other?.proxy ?? mode.value}: ${otherReason(other)}`;
    default:
      return 'no Service proxy left any rule on it, nor is there a sign of another one';
  }
}

function otherReason(other: EbpfProxyReport | null): string {
  if (other === null) return 'its service table was not read';
  return other.unreadBecause ?? 'its services were read; what they should be is not known for this proxy';
}
