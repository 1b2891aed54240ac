/**
 * The rules that no packet sent to a frontend can tell from their absence, each with the reason. Everything else that
 * kube-proxy writes must show in the table when it is damaged.
 */

export interface SilentRule {
  readonly table: string;
  readonly matches: (line: string) => boolean;
  readonly because: string;
}

const starts =
  (text: string): SilentRule['matches'] =>
  (line) =>
    line.startsWith(text);
const holds =
  (...texts: readonly string[]): SilentRule['matches'] =>
  (line) =>
    texts.every((text) => line.includes(text));

const silentRules: readonly SilentRule[] = [
  {
    table: 'filter',
    matches: holds('-j KUBE-FIREWALL'),
    because: 'it only meets packets to 127.0.0.0/8 that come from elsewhere, and no frontend is there',
  },
  {
    table: 'filter',
    matches: starts('-A KUBE-FIREWALL '),
    because: 'it only takes packets to 127.0.0.0/8 that come from elsewhere, and no frontend is there',
  },
  {
    table: 'filter',
    matches: holds('-A INPUT ', '-j KUBE-NODEPORTS'),
    because: "it lets in the load balancer's health checks, which nothing of kube-proxy's would stop",
  },
  {
    table: 'filter',
    matches: holds('-A INPUT ', '-j KUBE-PROXY-FIREWALL'),
    because: "a load balancer's address that is not the node's own never comes to INPUT",
  },
  {
    table: 'filter',
    matches: holds('-A FORWARD ', '-j KUBE-FORWARD'),
    because: 'KUBE-FORWARD drops invalid packets and accepts what is marked or answered: no new packet to a frontend',
  },
  {
    table: 'filter',
    matches: starts('-A KUBE-FORWARD '),
    because: 'it drops invalid packets and accepts what is marked or answered: no new packet to a frontend',
  },
  {
    table: 'nat',
    matches: holds('-A KUBE-NODEPORTS -d 127.0.0.0/8 ', '-m nfacct'),
    because: 'it counts, and the rule below it takes the same packets to the same chain',
  },
  {
    table: 'nat',
    matches: holds('-A KUBE-FW-', 'will be dropped by KUBE-PROXY-FIREWALL'),
    because: 'it is a comment: it has no target',
  },
  {
    table: 'nat',
    matches: (line) => line.startsWith('-A KUBE-POSTROUTING -j MARK --set-xmark') && line.endsWith('/0x0'),
    because: 'it takes the mark off a packet that the next rule masquerades all the same',
  },
];

/** Why no packet can tell that this rule is gone; null = some packet may. */
export function silentBecause(table: string, line: string): string | null {
  return silentRules.find((rule) => rule.table === table && rule.matches(line))?.because ?? null;
}
