/**
 * The jumps that kube-proxy's iptables mode ensures from built-in chains to its own. They are written by a full sync
 * only, and nobody reads them back: one that is gone stays gone until kube-proxy starts anew.
 *
 *     nat     PREROUTING  OUTPUT -> KUBE-SERVICES      POSTROUTING -> KUBE-POSTROUTING
 *     filter  FORWARD     OUTPUT -> KUBE-SERVICES      INPUT FORWARD -> KUBE-EXTERNAL-SERVICES
 *             FORWARD -> KUBE-FORWARD                  INPUT -> KUBE-NODEPORTS
 *             INPUT FORWARD OUTPUT -> KUBE-PROXY-FIREWALL      INPUT OUTPUT -> KUBE-FIREWALL
 */
import type { BaseJump } from './parts.ts';

/** A jump as kube-proxy writes it. */
export interface WrittenJump extends BaseJump {
  /** Of every kube-proxy; the others came later, or are written only where they have work to do. */
  readonly required: boolean;
  /** Null = without a comment. */
  readonly comment: string | null;
  /** It takes the first packet of a connection only. */
  readonly newOnly: boolean;
}

const portals = 'kubernetes service portals';
const external = 'kubernetes externally-visible service portals';
const firewall = 'kubernetes load balancer firewall';

/** All of them, in kube-proxy's words (its iptablesJumpChains). */
export const baseJumps: readonly WrittenJump[] = [
  jump('nat PREROUTING KUBE-SERVICES', portals, { required: true }),
  jump('nat OUTPUT KUBE-SERVICES', portals, { required: true }),
  jump('nat POSTROUTING KUBE-POSTROUTING', 'kubernetes postrouting rules', { required: true }),
  jump('filter FORWARD KUBE-SERVICES', portals, { required: true, newOnly: true }),
  jump('filter OUTPUT KUBE-SERVICES', portals, { required: true, newOnly: true }),
  jump('filter INPUT KUBE-EXTERNAL-SERVICES', external, { required: true, newOnly: true }),
  jump('filter FORWARD KUBE-EXTERNAL-SERVICES', external, { required: true, newOnly: true }),
  jump('filter FORWARD KUBE-FORWARD', 'kubernetes forwarding rules', { required: true }),
  jump('filter INPUT KUBE-NODEPORTS', 'kubernetes health check service ports'),
  jump('filter INPUT KUBE-PROXY-FIREWALL', firewall, { newOnly: true }),
  jump('filter FORWARD KUBE-PROXY-FIREWALL', firewall, { newOnly: true }),
  jump('filter OUTPUT KUBE-PROXY-FIREWALL', firewall, { newOnly: true }),
  jump('filter INPUT KUBE-FIREWALL', null),
  jump('filter OUTPUT KUBE-FIREWALL', null),
];

/** @param words table, built-in chain and kube-proxy's, apart by blanks. */
function jump(words: string, comment: string | null, how: Partial<WrittenJump> = {}): WrittenJump {
  const [table = '', from = '', to = ''] = words.split(' ');
  return { table, from, to, comment, required: false, newOnly: false, ...how };
}
