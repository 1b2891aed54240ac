/**
 * resolv.conf(5): whom programs ask for names, and what they try to append.
 *
 *     # made by the kubelet
 *     search shop.svc.cluster.local svc.cluster.local cluster.local
 *     nameserver 10.96.0.10
 *     options ndots:5 edns0
 */
import { type Address, parseAddress } from '../../../proto/address.ts';
import type { ResolverSettings } from '../../../proto/parts.ts';

const mostServers = 16;
const mostDomains = 64;
const mostOptions = 20;
const longestDomain = 255;
const longestOption = 64;
/** glibc takes no more for ndots. */
const mostDots = 15;

/** Reads whatever it is; what is no setting is passed over, as glibc does. The last `search` or `domain` counts. */
export function readResolvConf(text: string): ResolverSettings {
  const nameservers: Address[] = [];
  const options: string[] = [];
  let search: readonly string[] = [];
  for (const line of text.split('\n')) {
    // glibc takes a comment only where a line begins with it.
    if (/^\s*[#;]/.test(line)) continue;
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === 'nameserver') nameservers.push(...serverOf(values[0] ?? ''));
    else if (keyword === 'search') search = values;
    else if (keyword === 'domain') search = values.slice(0, 1);
    else if (keyword === 'options') options.push(...values);
  }
  return {
    nameservers: nameservers.slice(0, mostServers),
    search: search
      .filter((domain) => domain !== '.' && domain.length <= longestDomain)
      .slice(0, mostDomains)
      .map((domain) => domain.replace(/\.$/, '').toLowerCase()),
    ndots: dotsOf(options),
    options: options
      .filter((option) => !option.startsWith('ndots:') && option.length <= longestOption)
      .slice(0, mostOptions),
  };
}

/** A zone (`fe80::1%eth0`) says which link; the address is what is told. */
function serverOf(text: string): readonly Address[] {
  const address = parseAddress(text.replace(/%.*$/, ''));
  return address === null ? [] : [address];
}

function dotsOf(options: readonly string[]): number {
  const said = options.findLast((option) => option.startsWith('ndots:'));
  const dots = Number(said?.slice('ndots:'.length) ?? Number.NaN);
  return Number.isInteger(dots) && dots >= 0 ? Math.min(dots, mostDots) : 1;
}
