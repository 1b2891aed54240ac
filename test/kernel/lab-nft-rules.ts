/**
 * kube-proxy's nftables rules for the lab: those of a recorded node, moved onto the lab's addresses; whole, and damaged
 * in one way each.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listedTable } from '../../agent/recorded-nft.ts';
import { recordingFolder } from '../recordings.ts';
import type { Listen } from './lab-peer.ts';
import type { Probe } from './probes.ts';

/**
 * The rules of s1's node-c with these edits: node-a's pods have another range (10.244.9.0/24), so that node-c's get the
 * range of the lab's node; the node, the API server and the Service without pods (manual) get addresses that the lab
 * has; one client outside is among a load balancer's source ranges.
 */
export function recordedNftRules(): string {
  const listing = readFileSync(join(recordingFolder('s1-healthy'), 'node-c/nft-list-ruleset.txt'));
  const recorded = listedTable(listing, 'ip kube-proxy');
  if (recorded === null) throw new Error('s1-healthy/node-c has no table ip kube-proxy');
  return recorded
    .toString('utf8')
    .replaceAll('10.244.1.', '10.244.9.')
    .replaceAll('10.244.3.', '10.244.1.')
    .replaceAll(/\b192\.168\.100\.13\b/g, '192.168.100.11')
    .replaceAll(/\b192\.168\.100\.1 /g, '10.244.2.101 ')
    .replaceAll(/\b192\.168\.100\.254 /g, '10.244.2.102 ')
    .replaceAll('ip saddr != { 10.0.0.0/8, 198.51.100.0/24 }', 'ip saddr != { 10.0.0.0/8, 192.168.100.50 }');
}

/** Where the rules send packets: what must listen for their verdicts to show. */
export function endpointsIn(rules: string): readonly Listen[] {
  const found = new Map<string, Listen>();
  for (const line of rules.split('\n')) {
    const protocol = / (tcp|udp) dnat /.exec(line)?.[1];
    if (protocol !== 'tcp' && protocol !== 'udp') continue;
    for (const [, address = '', port] of line.matchAll(/(\d+\.\d+\.\d+\.\d+)(?: \. |:)(\d+)/g)) {
      found.set(`${protocol} ${address}:${port}`, { protocol, address, port: Number(port) });
    }
  }
  return [...found.values()];
}

export interface NftDamage {
  readonly name: string;
  readonly damaged: (rules: string) => string;
  /** The probes that a damage can be told by; absent = all. Some packets lost and the others refused says neither. */
  readonly only?: (probe: Probe) => boolean;
  /** Frontends of which the table says `unknown`: it has no words for sources that are dropped while others go on. */
  readonly untold?: readonly string[];
  /** No packet to any frontend can tell. */
  readonly isHarmless?: true;
}

const web = 'service-452DNVGS-shop/web/tcp/';
const externalService = 'service-W7KTGKO6-edge/ext-ip/tcp/http';

/** Damages of `recordedNftRules`, each one edit. */
export const nftDamages: readonly NftDamage[] = [
  { name: 'a service chain is empty', damaged: (rules) => without(rules, web, '') },
  {
    name: 'an endpoint is stale',
    damaged: (rules) => within(rules, web, (rule) => rule.replace('10.244.2.2 .', '10.244.2.11 .')),
  },
  {
    name: 'an endpoint has another port',
    damaged: (rules) => within(rules, web, (rule) => rule.replace('10.244.2.2 . 8080', '10.244.2.2 . 9100')),
  },
  {
    name: 'the numbers of a service chain have a gap',
    damaged: (rules) => within(rules, externalService, (rule) => rule.replace('mod 2', 'mod 4')),
    only: ({ to }) => to === '198.51.100.50',
  },
  {
    name: 'an endpoint is chosen more often than the other',
    damaged: (rules) =>
      within(rules, externalService, (rule) => rule.replace('mod 2', 'mod 3').replace('1 :', '1-2 :')),
  },
  {
    name: 'a cluster IP has lost its entry',
    damaged: (rules) => withoutElement(rules, 'service-ips', '10.96.27.42 . tcp . 80'),
  },
  {
    name: 'a cluster IP is nowhere any more',
    damaged: (rules) =>
      withoutElement(withoutElement(rules, 'service-ips', '10.96.27.42 . tcp . 80'), 'cluster-ips', '10.96.27.42'),
  },
  {
    name: 'a rejected cluster IP has lost its entry',
    damaged: (rules) => withoutElement(rules, 'no-endpoint-services', '10.96.159.119 . tcp . 80'),
  },
  {
    name: 'a rejected external IP has lost its entry',
    damaged: (rules) => withoutElement(rules, 'no-endpoint-services', '198.51.100.51 . tcp . 80'),
  },
  {
    name: 'a node port has lost its entry',
    damaged: (rules) => withoutElement(rules, 'service-nodeports', 'tcp . 30081'),
  },
  {
    name: 'an entry leads to the chain of another Service',
    damaged: (rules) =>
      changed(rules, `10.96.27.42 . tcp . 80 : goto ${web}`, `10.96.27.42 . tcp . 80 : goto ${externalService}`),
  },
  {
    name: 'no address answers node ports',
    damaged: (rules) => changed(rules, '\t\telements = { 192.168.100.11 }\n', ''),
  },
  {
    name: 'nat-prerouting is empty',
    damaged: (rules) => without(rules, 'nat-prerouting', 'jump services'),
    untold: ['tcp 203.0.113.11:80', 'tcp 203.0.113.13:80'],
  },
  { name: 'nat-output is empty', damaged: (rules) => without(rules, 'nat-output', 'jump services') },
  { name: 'nat-postrouting is empty', damaged: (rules) => without(rules, 'nat-postrouting', 'jump masquerading') },
  { name: 'marked packets are not masqueraded', damaged: (rules) => without(rules, 'masquerading', 'meta mark') },
  { name: 'hairpin packets are not masqueraded', damaged: (rules) => without(rules, 'masquerading', 'ct status') },
  {
    name: 'packets from outside are not marked',
    damaged: (rules) => without(rules, 'services', 'ip daddr @cluster-ips'),
  },
  {
    name: 'an external chain marks nothing',
    damaged: (rules) => without(rules, 'external-W7KTGKO6-edge/ext-ip/tcp/http', 'meta mark set'),
  },
  {
    name: 'local packets are not sent on by an external chain',
    damaged: (rules) => without(rules, 'external-UZIZZOKK-edge/ingress/tcp/http', 'fib saddr type local goto'),
  },
  {
    name: 'nobody asks the firewall before prerouting',
    damaged: (rules) => without(rules, 'filter-prerouting-pre-dnat', 'ct state new'),
  },
  {
    name: 'a firewall chain is empty',
    damaged: (rules) => without(rules, 'firewall-XOKZDFOD-edge/public-lb/tcp/http', 'ip saddr'),
  },
  {
    name: 'filter-forward does not ask for Services without endpoints',
    damaged: (rules) => without(rules, 'filter-forward', 'ct state new jump service-endpoints-check'),
  },
  {
    name: 'filter-input does not ask for node ports without endpoints',
    damaged: (rules) => without(rules, 'filter-input', 'ct state new jump nodeport-endpoints-check'),
  },
  { name: 'filter-output asks nothing', damaged: (rules) => without(rules, 'filter-output', 'ct state new') },
  {
    name: 'cluster IPs are not checked',
    damaged: (rules) => without(rules, 'cluster-ips-check', ''),
    isHarmless: true,
  },
  { name: 'what is rejected is let go', damaged: (rules) => without(rules, 'reject-chain', 'reject') },
];

function changed(rules: string, from: string, to: string): string {
  if (!rules.includes(from)) throw new Error(`the rules hold no ${from}`);
  return rules.replace(from, to);
}

/** Changes the lines of one chain. @throws when none is changed. */
function within(rules: string, chain: string, change: (rule: string) => string): string {
  const head = `\tchain ${chain} {\n`;
  const from = rules.indexOf(head) + head.length;
  const to = rules.indexOf('\n\t}', from - 1) + 1;
  if (from < head.length || to === 0) throw new Error(`the rules hold no chain ${chain}`);
  const body = rules.slice(from, to);
  const after = body
    .split('\n')
    .map((rule) => (rule === '' ? rule : change(rule)))
    .filter((rule) => rule !== gone)
    .join('\n');
  if (after === body) throw new Error(`nothing to change in chain ${chain}`);
  return rules.slice(0, from) + after + rules.slice(to);
}

const gone = '(gone)';

/** Takes the rules that begin so off a chain; what makes it a base chain stays. */
function without(rules: string, chain: string, beginning: string): string {
  return within(rules, chain, (rule) => {
    const text = rule.trim();
    return text.startsWith(beginning) && !/^(?:type|comment) /.test(text) ? gone : rule;
  });
}

/** Takes one element off a set or map. */
function withoutElement(rules: string, name: string, key: string): string {
  const from = Math.max(rules.indexOf(`\tset ${name} {`), rules.indexOf(`\tmap ${name} {`));
  const to = rules.indexOf('\n\t}', from);
  const body = rules.slice(from, to);
  const listed = body.slice(body.indexOf('{ ', body.indexOf('elements')) + 2, body.lastIndexOf(' }'));
  const left = listed.split(',').filter((element) => !`${element.trim()} `.startsWith(`${key} `));
  return changed(rules, listed, left.join(','));
}
