/** Files of a recorded node that say what its kernel is set to and which connections it knew. Pure: text in, text out. */

/**
 * The value of one setting out of what `sysctl -a` printed; null when it is not among them.
 *
 *     net.netfilter.nf_conntrack_max = 262144
 *     net.ipv4.conf.flannel/1.rp_filter = 2
 */
export function recordedSetting(sysctls: string, path: string): string | null {
  const begin = `\n${settingName(path)} = `;
  const whole = `\n${sysctls}`;
  const at = whole.indexOf(begin);
  if (at < 0) return null;
  const end = whole.indexOf('\n', at + 1);
  return `${whole.slice(at + begin.length, end < 0 ? undefined : end)}\n`;
}

/** `net.ipv4.conf.flannel/1.rp_filter` for `/proc/sys/net/ipv4/conf/flannel.1/rp_filter`: sysctl(8) exchanges the two. */
export function settingName(path: string): string {
  return path.slice('/proc/sys/'.length).replaceAll(/[./]/g, (sign) => (sign === '/' ? '.' : '/'));
}

/**
 * The flows of UDP of one family out of a recorded listing of all connections. It may be two listings one behind the
 * other, the second of IPv6, which the first had already.
 * @param isExtended whether it was recorded with `-o extended`: otherwise lines begin with the protocol.
 */
export function recordedFlows(listing: string, family: 'ipv4' | 'ipv6', isExtended: boolean): string {
  const lines = new Set<string>();
  for (const line of listing.split('\n')) {
    if (line === '') continue;
    const whole = isExtended ? line : / src=[^ ]*:/.test(line) ? `ipv6     10 ${line}` : `ipv4     2 ${line}`;
    if (whole.startsWith(family) && / udp +17 /.test(whole)) lines.add(`${whole}\n`);
  }
  return [...lines].join('');
}
