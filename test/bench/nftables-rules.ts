/**
 * kube-proxy's IPv4 table of nftables mode for many Services, in the form in which `nft -f` takes it. The recordings hold
 * the shape of v1.36 only, so both are made here: that one, and the one before, which has a chain for each endpoint.
 */
import { hash } from 'node:crypto';

export type NftShape = 'v1.36' | 'endpoint chains';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** One port of each Service, as many endpoints behind each; every tenth Service has a node port. */
export function nftTable(shape: NftShape, services: number, endpoints: number): string {
  const ports = Array.from({ length: services }, (_, index) => portOf(index, endpoints));
  return [
    'table ip kube-proxy {',
    '\tcomment "rules for kube-proxy"',
    set('cluster-ips', 'ipv4_addr', elements(ports.map(({ clusterIP }) => clusterIP))),
    set('nodeport-ips', 'ipv4_addr', elements(['192.168.100.13'])),
    ...(shape === 'v1.36'
      ? [set('hairpin-connections', hairpinKey, elements(ports.filter(isTenth).map(hairpin)))]
      : []),
    map('no-endpoint-services', serviceKey, ''),
    map('firewall-ips', serviceKey, ''),
    map('no-endpoint-nodeports', nodePortKey, ''),
    map(
      'service-ips',
      serviceKey,
      elements(ports.map((port) => `${port.clusterIP} . tcp . 80 : goto service-${port.name}`)),
    ),
    map('service-nodeports', nodePortKey, elements(ports.filter(isTenth).map(nodePort))),
    ...(shape === 'v1.36' ? newFrame : oldFrame),
    ...ports.flatMap(shape === 'v1.36' ? newChains : oldChains),
    '}\n',
  ].join('\n');
}

interface PortRules {
  readonly index: number;
  /** With its hash: the rest of its chains' names. */
  readonly name: string;
  readonly clusterIP: string;
  readonly endpoints: readonly string[];
}

const serviceKey = 'ipv4_addr . inet_proto . inet_service';
const nodePortKey = 'inet_proto . inet_service';
const hairpinKey = `ipv4_addr . ${serviceKey}`;
const pods = '10.128.0.0/9';

function portOf(index: number, endpoints: number): PortRules {
  return {
    index,
    name: hashed(baseName(index)),
    clusterIP: address('10.96', index + 1),
    endpoints: Array.from({ length: endpoints }, (_, nth) => address('10.130', index * endpoints + nth + 1)),
  };
}

function baseName(index: number): string {
  return `scale-${index % 10}/svc-${String(index).padStart(5, '0')}/tcp/http`;
}

function hashed(base: string): string {
  const bytes = hash('sha256', base, 'buffer');
  const bits = BigInt(`0x${bytes.subarray(0, 5).toString('hex')}`);
  const word = Array.from({ length: 8 }, (_, nth) => alphabet[Number((bits >> BigInt(35 - 5 * nth)) & 31n)]).join('');
  return `${word}-${base}`;
}

/** @param start its first two bytes. */
function address(start: string, offset: number): string {
  const [first, second] = start.split('.').map(Number);
  return `${first}.${(second ?? 0) + (offset >> 16)}.${(offset >> 8) & 255}.${offset & 255}`;
}

function isTenth({ index }: PortRules): boolean {
  return index % 10 === 0;
}

function hairpin({ endpoints: [endpoint] }: PortRules): string {
  return `${endpoint} . ${endpoint} . tcp . 8080`;
}

function nodePort({ index, name }: PortRules): string {
  return `tcp . ${30_000 + index} : goto external-${name}`;
}

function elements(listed: readonly string[]): string {
  return `\n\t\telements = { ${listed.join(', ')} }`;
}

function set(name: string, type: string, content: string): string {
  return `\tset ${name} {\n\t\ttype ${type}${content}\n\t}`;
}

function map(name: string, type: string, content: string): string {
  return `\tmap ${name} {\n\t\ttype ${type} : verdict${content}\n\t}`;
}

function chain(name: string, ...rules: readonly string[]): string {
  return `\tchain ${name} {\n${rules.map((rule) => `\t\t${rule}\n`).join('')}\t}`;
}

function hook(name: string, where: string, ...rules: readonly string[]): string {
  return chain(name, `type ${where}; policy accept;`, ...rules);
}

const markRule = 'meta mark set meta mark | 0x00004000';
const lookups = (map: string): string => `ip daddr . meta l4proto . th dport vmap @${map}`;
const nodePortLookup = (map: string): string => `ip daddr @nodeport-ips meta l4proto . th dport vmap @${map}`;
const check = (name: string): string => `ct state new jump ${name}`;

const checks = [
  chain('nodeport-endpoints-check', nodePortLookup('no-endpoint-nodeports')),
  chain('service-endpoints-check', lookups('no-endpoint-services')),
  chain('firewall-check', lookups('firewall-ips')),
  chain('reject-chain', 'reject'),
  chain('cluster-ips-check', 'ip daddr @cluster-ips reject', 'ip daddr 10.96.0.0/16 drop'),
];
const natHooks = [
  hook('nat-prerouting', 'nat hook prerouting priority dstnat', 'jump services'),
  hook('nat-output', 'nat hook output priority -100', 'jump services'),
  hook('nat-postrouting', 'nat hook postrouting priority srcnat', 'jump masquerading'),
];

const newFrame: readonly string[] = [
  ...checks,
  hook('filter-prerouting-pre-dnat', 'filter hook prerouting priority dstnat - 10', check('firewall-check')),
  hook('filter-output-pre-dnat', 'filter hook output priority -110', check('firewall-check')),
  hook(
    'filter-input',
    'filter hook input priority filter',
    check('nodeport-endpoints-check'),
    check('service-endpoints-check'),
  ),
  hook(
    'filter-forward',
    'filter hook forward priority filter',
    check('service-endpoints-check'),
    check('cluster-ips-check'),
  ),
  hook(
    'filter-output',
    'filter hook output priority filter',
    check('service-endpoints-check'),
    check('cluster-ips-check'),
  ),
  chain(
    'services',
    `ip daddr @cluster-ips ip saddr != ${pods} ${markRule}`,
    lookups('service-ips'),
    nodePortLookup('service-nodeports'),
  ),
  chain(
    'masquerading',
    'meta mark & 0x00004000 != 0x00000000 meta mark set meta mark ^ 0x00004000 masquerade fully-random',
    'ct status dnat ip saddr . ip daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random',
  ),
  ...natHooks,
];

const oldFrame: readonly string[] = [
  ...checks,
  hook('filter-prerouting', 'filter hook prerouting priority dstnat - 10', check('firewall-check')),
  hook(
    'filter-input',
    'filter hook input priority -110',
    check('nodeport-endpoints-check'),
    check('service-endpoints-check'),
  ),
  hook(
    'filter-forward',
    'filter hook forward priority -110',
    check('service-endpoints-check'),
    check('cluster-ips-check'),
  ),
  hook('filter-output', 'filter hook output priority -110', check('service-endpoints-check'), check('firewall-check')),
  hook('filter-output-post-dnat', 'filter hook output priority -90', check('cluster-ips-check')),
  chain('services', lookups('service-ips'), nodePortLookup('service-nodeports')),
  chain('mark-for-masquerade', markRule),
  chain(
    'masquerading',
    'meta mark & 0x00004000 == 0x00000000 return',
    'meta mark set meta mark ^ 0x00004000',
    'masquerade fully-random',
  ),
  ...natHooks,
];

function newChains(port: PortRules): readonly string[] {
  const { name, endpoints } = port;
  const targets = endpoints.map((endpoint, nth) => `${nth} : ${endpoint} . 8080`).join(', ');
  const service = chain(
    `service-${name}`,
    `meta l4proto tcp dnat ip to numgen random mod ${endpoints.length} map { ${targets} }`,
  );
  return isTenth(port) ? [service, chain(`external-${name}`, markRule, `goto service-${name}`)] : [service];
}

function oldChains(port: PortRules): readonly string[] {
  const { index, name, clusterIP, endpoints } = port;
  const names = endpoints.map((endpoint) => `endpoint-${hashed(`${baseName(index)}__${endpoint}/8080`)}`);
  const targets = names.map((endpoint, nth) => `${nth} : goto ${endpoint}`).join(', ');
  const service = chain(
    `service-${name}`,
    `ip daddr ${clusterIP} tcp dport 80 ip saddr != ${pods} jump mark-for-masquerade`,
    `numgen random mod ${endpoints.length} vmap { ${targets} }`,
  );
  const own = endpoints.map((endpoint, nth) =>
    chain(
      names[nth] ?? '',
      `ip saddr ${endpoint} jump mark-for-masquerade`,
      `meta l4proto tcp dnat to ${endpoint}:8080`,
    ),
  );
  const external = chain(`external-${name}`, 'jump mark-for-masquerade', `goto service-${name}`);
  return isTenth(port) ? [...own, service, external] : [...own, service];
}
