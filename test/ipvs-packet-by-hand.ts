/**
 * One packet through a recorded node of IPVS mode, by what `ipvsadm -Sn`, `ipset save` and iptables-save print: an
 * independent reading, that knows nothing of sets of sources, of Services or of the agent.
 */
import type { Address, Family } from '../proto/address.ts';
import { contains, parsePrefix, prefixSet } from '../proto/prefixes.ts';
import type { Flow } from './answer-flow.ts';
import type { Followed } from './packet-by-hand.ts';

export interface IpvsText {
  /** By `tcp 10.96.0.1:443`. */
  readonly services: ReadonlyMap<string, VirtualServer>;
  /** The members of each set, by its name without the family: `KUBE-CLUSTER-IP`. */
  readonly sets: ReadonlyMap<string, ReadonlySet<string>>;
  /** All rules of one family. */
  readonly rules: string;
}

interface VirtualServer {
  readonly backends: readonly string[];
  readonly affinitySeconds: number;
}

const options = new Map([
  ['-t', 'tcp'],
  ['-u', 'udp'],
  ['--sctp-service', 'sctp'],
]);

/** @param texts what ipvsadm, ipset and iptables-save (or ip6tables-save) printed. */
export function readIpvsText(texts: {
  readonly ipvsadm: string;
  readonly ipset: string;
  readonly rules: string;
}): IpvsText {
  const services = new Map<string, { backends: string[]; affinitySeconds: number }>();
  for (const line of texts.ipvsadm.split('\n')) {
    const words = line.split(' ');
    const name = `${options.get(words[1] ?? '')} ${words[2]?.replace(/[[\]]/g, '')}`;
    const after = (option: string): string | undefined => words[words.indexOf(option) + 1];
    if (words[0] === '-A') {
      services.set(name, { backends: [], affinitySeconds: words.includes('-p') ? Number(after('-p')) : 0 });
    } else if (words[0] === '-a' && Number(after('-w')) > 0) {
      services.get(name)?.backends.push(after('-r') ?? '');
    }
  }
  const sets = new Map<string, Set<string>>();
  for (const [, name = '', member = ''] of texts.ipset.matchAll(/^add (\S+) (\S+)$/gm)) {
    const plain = name.replace('KUBE-6-', 'KUBE-');
    sets.set(plain, (sets.get(plain) ?? new Set()).add(member));
  }
  return { services, sets, rules: texts.rules };
}

/**
 * Every address and port of a virtual server of one family: `tcp 10.96.0.1:443`; of the node's own, `tcp node:30080`.
 * @param local the node's own addresses.
 */
export function ipvsServicePorts(
  { services }: IpvsText,
  family: Family,
  local: readonly Address[],
): ReadonlySet<string> {
  const ofFamily = [...services.keys()].filter((name) => /:.*:/.test(name) === (family === 'ipv6'));
  return new Set(
    ofFamily.map((name) => {
      const own = local.find((address) => name.includes(` ${address}:`));
      return own === undefined ? name : name.replace(` ${own}:`, ' node:');
    }),
  );
}

/** The endpoints that are masqueraded when they reach themselves: `10.244.3.2:8080/tcp`, `[fd00::2]:80/tcp`. */
export function ipvsHairpins({ sets }: IpvsText): ReadonlySet<string> {
  return new Set(
    [...(sets.get('KUBE-LOOP-BACK') ?? [])].map((member) => {
      const [address = '', served = ''] = member.split(',');
      const [protocol, port] = served.split(':');
      return `${address.includes(':') ? `[${address}]` : address}:${port}/${protocol}`;
    }),
  );
}

/** @param local the node's own addresses. */
export function followIpvsPacket(text: IpvsText, flow: Flow, local: readonly Address[]): Followed {
  const { from, to, port, protocol } = flow;
  const isMade = local.includes(from) || from === to;
  const service = text.services.get(`${protocol} ${to}:${port}`);
  if (service === undefined) return refused('NONE');
  if (isMade ? isDroppedOnOutput(text, flow) : isDroppedOnInput(text, flow)) return refused('DROP');
  if (service.backends.length === 0) return refused('REJECT');
  const output = [...service.backends].sort();
  return { answer: { output, masquerade: isMasqueraded(text, flow) }, affinitySeconds: service.affinitySeconds };
}

function refused(verdict: string): Followed {
  return { answer: { output: [verdict], masquerade: false }, affinitySeconds: 0 };
}

/** KUBE-PROXY-FIREWALL, on INPUT. */
function isDroppedOnInput({ sets }: IpvsText, { from, to, port, protocol }: Flow): boolean {
  const key = `${to},${protocol}:${port}`;
  if (sets.get('KUBE-LOAD-BALANCER-FW')?.has(key) !== true) return false;
  const ranges = [...(sets.get('KUBE-LOAD-BALANCER-SOURCE-CIDR') ?? [])].filter((one) => one.startsWith(`${key},`));
  return !ranges.some((one) => isInside(from, one.slice(key.length + 1)));
}

/** KUBE-IPVS-OUT-FILTER, on OUTPUT. */
function isDroppedOnOutput({ rules }: IpvsText, { from, to, port }: Flow): boolean {
  const dropped = rules.match(/^-A KUBE-IPVS-OUT-FILTER .*-j DROP$/gm) ?? [];
  return dropped.some(
    (rule) => rule.includes(`-s ${from}/`) && rule.includes(`--vaddr ${to} `) && rule.includes(`--vport ${port} `),
  );
}

/** KUBE-SERVICES of the nat table: the mark that KUBE-POSTROUTING masquerades for. */
function isMasqueraded({ sets, rules }: IpvsText, { from, to, port, protocol }: Flow): boolean {
  const has = (set: string, member: string): boolean => sets.get(set)?.has(member) === true;
  const key = `${to},${protocol}:${port}`;
  const [, pods = ''] =
    /^-A KUBE-SERVICES ! -s (\S+) .* KUBE-(?:6-)?CLUSTER-IP dst,dst -j KUBE-MARK-MASQ$/m.exec(rules) ?? [];
  if (has('KUBE-CLUSTER-IP', key)) return !isInside(from, pods);
  if (has('KUBE-LOAD-BALANCER', key)) return !has('KUBE-LOAD-BALANCER-LOCAL', key);
  if (has('KUBE-EXTERNAL-IP', key)) return true;
  const [set, localSet] = [
    `KUBE-NODE-PORT-${protocol.toUpperCase()}`,
    `KUBE-NODE-PORT-LOCAL-${protocol.toUpperCase()}`,
  ];
  return has(set, `${port}`) && !has(localSet, `${port}`);
}

function isInside(address: Address, text: string): boolean {
  const prefix = parsePrefix(text);
  return prefix !== null && contains(prefixSet([prefix]), address);
}
