/**
 * A network namespace as /proc/<pid>/net shows it (proc_pid_net(5), net/ipv4/fib_trie.c, net/ipv6/route.c); no right is
 * needed to read it, and nobody has to enter it.
 *
 * fib_trie is drawn as a tree: `+--` a branch, `|--` an address, below it each of its routes. Main and Local are one
 * tree, shown twice, until somebody adds a rule:
 *
 *     Main:
 *       +-- 0.0.0.0/0 3 0 5
 *          |-- 0.0.0.0
 *             /0 universe UNICAST                the default route
 *          +-- 10.244.1.0/24 2 0 2
 *             |-- 10.244.1.0
 *                /24 link UNICAST
 *             |-- 10.244.1.2
 *                /32 host LOCAL                  an address of the namespace
 *
 * The others are lines of columns:
 *
 *     route        eth0  00000000  0101F40A  0003  0  0  0  00000000     link, destination, gateway, flags, ..., mask
 *     if_inet6     fd00...0002 03 40 00 80     eth0                      address, index, length, scope, flags, link
 *     ipv6_route   0000...0000 00 0000...0000 00 fd00...0001 ... 00000003     eth0
 *     dev            eth0:  1006  13 ...
 *     igmp         3  eth0      :     1      V3                          index, link
 */
import { type Address, type Family, parseAddress } from '../../../proto/address.ts';
import type { PodNetwork } from '../../../proto/parts.ts';

/** The texts of the files; empty where there is none, as without IPv6. */
export interface NamespaceFiles {
  readonly fibTrie: string;
  readonly route: string;
  readonly ipv6Addresses: string;
  readonly ipv6Route: string;
  readonly devices: string;
  readonly igmp: string;
}

export type NamespaceView = Pick<PodNetwork, 'links' | 'addresses' | 'defaultRoutes'>;

const most = 64;
const isUp = 0x1;
const isRejected = 0x200;
/** Where the kernel makes a device for each kind of tunnel in every namespace, as with Calico's IPIP; it has no peer. */
const fallbackDevices = /^(?:tunl0|sit0|ip6tnl0|gre0|gretap0|erspan0|ip6gre0|ip_vti0|ip6_vti0)$/;

/**
 * What the namespace has, loopback and link-local IPv6 left out.
 * @returns why not, where it has more than 64 of anything: half of them would make the others look missing.
 */
export function readNamespace(files: NamespaceFiles): NamespaceView | string {
  const ipv6 = ipv6Addresses(files.ipv6Addresses);
  const indexes = new Map([...igmpIndexes(files.igmp), ...ipv6.map(({ link, index }) => [link, index] as const)]);
  const names = deviceNames(files.devices).filter((name) => name !== 'lo');
  const routes = ipv4Routes(files.route);
  const addresses = [
    ...localAddresses(files.fibTrie).map((address) => placed(address, routes, names)),
    ...ipv6
      .filter(({ link, scope }) => link !== 'lo' && scope !== linkScope)
      .map(({ link, address, prefixLength }) => ({ link, address, prefixLength })),
  ];
  const defaultRoutes = [...ipv4Defaults(routes), ...ipv6Defaults(files.ipv6Route)];
  if ([names, addresses, defaultRoutes].some(({ length }) => length > most)) {
    return `its namespace has more than ${most} links, addresses or default routes`;
  }
  return { links: names.map((name) => ({ name, index: indexes.get(name) ?? null })), addresses, defaultRoutes };
}

/**
 * All addresses of a namespace, loopback and link-local IPv6 left out, as one text: equal for processes of one
 * namespace, and for no two others that have any.
 */
export function addressesAsText({ fibTrie, ipv6Addresses: text }: Pick<NamespaceFiles, 'fibTrie' | 'ipv6Addresses'>) {
  const ipv6 = ipv6Addresses(text).filter(({ link, scope }) => link !== 'lo' && scope !== linkScope);
  return [...localAddresses(fibTrie), ...ipv6.map(({ address }) => address).sort()].join(' ');
}

/** The addresses of a namespace in the order of the trie, loopback left out. */
function localAddresses(fibTrie: string): readonly Address[] {
  const found = new Set<Address>();
  let address: string | null = null;
  for (const line of fibTrie.split('\n')) {
    const leaf = /^\s*\|-- (\S+)$/.exec(line);
    if (leaf !== null) address = leaf[1] ?? null;
    else if (address !== null && line.trim() === '/32 host LOCAL' && !address.startsWith('127.')) {
      const parsed = parseAddress(address);
      if (parsed !== null) found.add(parsed);
    }
  }
  return [...found];
}

interface Ipv4Route {
  readonly link: string;
  /** As numbers, in the order of the network. */
  readonly destination: number;
  readonly gateway: number;
  readonly mask: number;
  readonly flags: number;
}

function ipv4Routes(text: string): readonly Ipv4Route[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [link, destination, gateway, flags, , , , mask] = line.trim().split(/\s+/);
      if (link === undefined || mask === undefined) return [];
      const numbers = [destination, gateway, mask].map((word) => inNetworkOrder(word ?? ''));
      const [to = null, via = null, within = null] = numbers;
      const flag = Number.parseInt(flags ?? '', 16);
      if (to === null || via === null || within === null || Number.isNaN(flag)) return [];
      return [{ link, destination: to, gateway: via, mask: within, flags: flag }];
    });
}

/** `0101F40A` is 10.244.1.1: a number of the machine, least byte first, as amd64, arm64, ppc64le and riscv64 have it. */
function inNetworkOrder(word: string): number | null {
  if (!/^[0-9A-F]{8}$/i.test(word)) return null;
  const bytes = [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16));
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

/** The file does not say whose an address is: the link whose own subnet it lies in, else the only one; else empty. */
function placed(address: Address, routes: readonly Ipv4Route[], names: readonly string[]) {
  const value = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const own = routes.find(
    ({ gateway, mask, destination }) =>
      gateway === 0 && mask !== 0 && Number(BigInt(value) & BigInt(mask)) === destination,
  );
  const [only, ...others] = names.filter((name) => !fallbackDevices.test(name));
  const link = own?.link ?? (others.length === 0 ? only : undefined) ?? '';
  return { link, address, prefixLength: own === undefined ? 32 : lengthOf(own.mask) };
}

function lengthOf(mask: number): number {
  return mask.toString(2).replaceAll('0', '').length;
}

function ipv4Defaults(routes: readonly Ipv4Route[]): PodNetwork['defaultRoutes'] {
  return routes
    .filter(({ destination, mask }) => destination === 0 && mask === 0)
    .map(({ link, gateway, flags }) => ({
      family: 'ipv4' as Family,
      link,
      gateway: gateway === 0 ? null : ipv4Text(gateway),
      // What is thrown away without a word (blackhole) has no link.
      isDead: (flags & isUp) === 0 || (flags & isRejected) !== 0 || link === '*',
    }));
}

function ipv4Text(value: number): Address | null {
  return parseAddress([24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.'));
}

const linkScope = '20';

function ipv6Addresses(text: string) {
  return text.split('\n').flatMap((line) => {
    const [hex = '', index = '', length = '', scope = '', , link] = line.trim().split(/\s+/);
    const address = ipv6Text(hex);
    if (address === null || link === undefined) return [];
    return [{ link, address, index: Number.parseInt(index, 16), prefixLength: Number.parseInt(length, 16), scope }];
  });
}

function ipv6Text(hex: string): Address | null {
  return /^[0-9a-f]{32}$/.test(hex) ? parseAddress((hex.match(/.{4}/g) ?? []).join(':')) : null;
}

/** The kernel's own refusal of everything stands among them as a route of lo. */
function ipv6Defaults(text: string): PodNetwork['defaultRoutes'] {
  return text.split('\n').flatMap((line) => {
    const [destination, length, , , gateway = '', , , , flags = '', link] = line.trim().split(/\s+/);
    if (destination !== '0'.repeat(32) || length !== '00' || link === undefined || link === 'lo') return [];
    const flag = Number.parseInt(flags, 16);
    const via = /^0{32}$/.test(gateway) ? null : ipv6Text(gateway);
    const isDead = (flag & isUp) === 0 || (flag & isRejected) !== 0;
    return [{ family: 'ipv6' as Family, link, gateway: via, isDead }];
  });
}

function deviceNames(text: string): readonly string[] {
  return text
    .split('\n')
    .slice(2)
    .flatMap((line) => /^\s*([^\s:]{1,15}):/.exec(line)?.[1] ?? []);
}

function igmpIndexes(text: string): readonly (readonly [string, number])[] {
  return text.split('\n').flatMap((line) => {
    const [, index, name] = /^(\d+)\s+(\S+)\s*:/.exec(line) ?? [];
    return index === undefined || name === undefined ? [] : [[name, Number(index)] as const];
  });
}
