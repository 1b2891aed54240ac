/**
 * kube-proxy's nftables rules as it wrote them before v1.36, with a chain for each endpoint, for Services of the lab. No
 * recording has them: these are written after its source (pkg/proxy/nftables/proxier.go of v1.32).
 */
import type { NftDamage } from './lab-nft-rules.ts';

/** Endpoint address -> port. */
const everywhere = ['10.244.1.2', '10.244.1.10', '10.244.2.10'];
const local = ['10.244.1.2', '10.244.1.10'];

const services: readonly string[] = [
  ...servicePort({ name: 'plain/tcp/', clusterIP: '10.96.0.1', endpoints: everywhere }),
  ...servicePort({ name: 'own-endpoint-only/tcp/', clusterIP: '10.96.0.2', endpoints: ['10.244.1.2'] }),
  ...servicePort({ name: 'port/tcp/', clusterIP: '10.96.0.3', endpoints: everywhere }),
  chain('external-HASHHASH-lab/port/tcp/', 'jump mark-for-masquerade', 'goto service-HASHHASH-lab/port/tcp/'),
  ...servicePort({ name: 'port-local/tcp/', clusterIP: '10.96.0.4', endpoints: everywhere }),
  chain('local-HASHHASH-lab/port-local/tcp/', choice('port-local/tcp/', local)),
  chain(
    'external-HASHHASH-lab/port-local/tcp/',
    'ip saddr 10.244.0.0/16 goto service-HASHHASH-lab/port-local/tcp/ comment "short-circuit pod traffic"',
    'fib saddr type local jump mark-for-masquerade comment "masquerade local traffic"',
    'fib saddr type local goto service-HASHHASH-lab/port-local/tcp/ comment "short-circuit local traffic"',
    'goto local-HASHHASH-lab/port-local/tcp/',
  ),
  chain('firewall-HASHHASH-lab/port/tcp/', 'ip saddr != { 10.244.1.0/24, 192.168.100.50 } drop'),
];

/** The whole table; see kube-proxy.md for the chains. */
export const oldNftRules = `table ip kube-proxy {
	comment "rules for kube-proxy"
	set cluster-ips {
		type ipv4_addr
		elements = { 10.96.0.1, 10.96.0.2, 10.96.0.3, 10.96.0.4, 10.96.0.5 }
	}

	set nodeport-ips {
		type ipv4_addr
		elements = { 192.168.100.11 }
	}

	map no-endpoint-services {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 10.96.0.5 . tcp . 80 comment "lab/no-endpoint" : goto reject-chain }
	}

	map no-endpoint-nodeports {
		type inet_proto . inet_service : verdict
		elements = { tcp . 30005 comment "lab/elsewhere" : drop }
	}

	map firewall-ips {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 203.0.113.2 . tcp . 80 comment "lab/port" : goto firewall-HASHHASH-lab/port/tcp/ }
	}

	map service-ips {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 10.96.0.1 . tcp . 80 comment "lab/plain" : goto service-HASHHASH-lab/plain/tcp/,
			     10.96.0.2 . tcp . 80 comment "lab/own-endpoint-only" : goto service-HASHHASH-lab/own-endpoint-only/tcp/,
			     10.96.0.3 . tcp . 80 comment "lab/port" : goto service-HASHHASH-lab/port/tcp/,
			     203.0.113.2 . tcp . 80 comment "lab/port" : goto external-HASHHASH-lab/port/tcp/,
			     10.96.0.4 . tcp . 80 comment "lab/port-local" : goto service-HASHHASH-lab/port-local/tcp/ }
	}

	map service-nodeports {
		type inet_proto . inet_service : verdict
		elements = { tcp . 30002 comment "lab/port" : goto external-HASHHASH-lab/port/tcp/,
			     tcp . 30004 comment "lab/port-local" : goto external-HASHHASH-lab/port-local/tcp/ }
	}

${[
  hook('filter-prerouting', 'filter hook prerouting priority dstnat - 10', 'ct state new jump firewall-check'),
  hook(
    'filter-input',
    'filter hook input priority -110',
    'ct state new jump nodeport-endpoints-check',
    'ct state new jump service-endpoints-check',
  ),
  hook(
    'filter-forward',
    'filter hook forward priority -110',
    'ct state new jump service-endpoints-check',
    'ct state new jump cluster-ips-check',
  ),
  hook(
    'filter-output',
    'filter hook output priority -110',
    'ct state new jump service-endpoints-check',
    'ct state new jump firewall-check',
  ),
  hook('filter-output-post-dnat', 'filter hook output priority -90', 'ct state new jump cluster-ips-check'),
  hook('nat-prerouting', 'nat hook prerouting priority dstnat', 'jump services'),
  hook('nat-output', 'nat hook output priority -100', 'jump services'),
  hook('nat-postrouting', 'nat hook postrouting priority srcnat', 'jump masquerading'),
  chain('nodeport-endpoints-check', 'ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports'),
  chain('service-endpoints-check', 'ip daddr . meta l4proto . th dport vmap @no-endpoint-services'),
  chain('firewall-check', 'ip daddr . meta l4proto . th dport vmap @firewall-ips'),
  chain(
    'services',
    'ip daddr . meta l4proto . th dport vmap @service-ips',
    'ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports',
  ),
  chain('cluster-ips-check', 'ip daddr @cluster-ips reject', 'ip daddr 10.96.0.0/16 drop'),
  chain('mark-for-masquerade', 'meta mark set meta mark | 0x00004000'),
  chain(
    'masquerading',
    'meta mark & 0x00004000 == 0x00000000 return',
    'meta mark set meta mark ^ 0x00004000',
    'masquerade fully-random',
  ),
  chain('reject-chain', 'reject'),
  ...services,
].join('\n')}
}
`;

/** Damages that only this shape can have. */
export const oldNftDamages: readonly NftDamage[] = [
  {
    name: 'nothing sets the mark',
    damaged: (rules) => rules.replace('\t\tmeta mark set meta mark | 0x00004000\n', ''),
  },
  {
    name: 'packets without the mark go on to be masqueraded',
    damaged: (rules) => rules.replace(/\t\tmeta mark & .* return\n/, ''),
  },
  {
    name: 'an endpoint does not know itself',
    damaged: (rules) => rules.replace('\t\tip saddr 10.244.1.2 jump mark-for-masquerade\n', ''),
  },
  {
    name: 'an endpoint is stale',
    damaged: (rules) => rules.replace('dnat to 10.244.2.10:8080', 'dnat to 10.244.2.11:8080'),
  },
  {
    name: 'the chain of an endpoint is empty',
    damaged: (rules) =>
      rules.replace(/(chain endpoint-HASHHASH-lab\/port\/tcp\/__10\.244\.1\.10\/8080 {\n)[^}]*/, '$1\t'),
    // Where the lost are refused, by the check of cluster IPs, they cannot be told from the others.
    only: ({ to }) => to !== '10.96.0.3',
  },
];

function servicePort(port: {
  readonly name: string;
  readonly clusterIP: string;
  readonly endpoints: readonly string[];
}): readonly string[] {
  const { name, clusterIP, endpoints } = port;
  return [
    ...endpoints.map((endpoint) =>
      chain(
        endpointChain(name, endpoint),
        `ip saddr ${endpoint} jump mark-for-masquerade`,
        `meta l4proto tcp dnat to ${endpoint}:8080`,
      ),
    ),
    chain(
      `service-HASHHASH-lab/${name}`,
      `ip daddr ${clusterIP} tcp dport 80 ip saddr != 10.244.0.0/16 jump mark-for-masquerade`,
      choice(name, endpoints),
    ),
  ];
}

function choice(name: string, endpoints: readonly string[]): string {
  const targets = endpoints.map((endpoint, nth) => `${nth} : goto ${endpointChain(name, endpoint)}`);
  return `numgen random mod ${endpoints.length} vmap { ${targets.join(', ')} }`;
}

function endpointChain(name: string, endpoint: string): string {
  return `endpoint-HASHHASH-lab/${name}__${endpoint}/8080`;
}

function hook(name: string, where: string, ...rules: readonly string[]): string {
  return chain(name, `type ${where}; policy accept;`, ...rules);
}

function chain(name: string, ...rules: readonly string[]): string {
  return `\tchain ${name} {\n${rules.map((rule) => `\t\t${rule}\n`).join('')}\t}\n`;
}
