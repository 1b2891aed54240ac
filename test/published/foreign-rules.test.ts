/**
 * Published rules of CNIs, container runtimes and firewalls loaded into the kernel around a recorded node's own: what a
 * service's packets do must not seem to change, unless it really does. The dumps are the work of others and stay where
 * they are.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRules } from 'node-iptables-parse';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { traceIptables } from '../../agent/dataplane/iptables.ts';
import { detectLocal } from '../../agent/dataplane/rules-profile.ts';
import type { Address } from '../../proto/address.ts';
import { parseAddress } from '../../proto/address.ts';
import { dressText, routeText, tableDigest } from '../../proto/canonical.ts';
import type { Fate, ForwardingTable } from '../../proto/forwarding.ts';
import { origins } from '../../proto/forwarding.ts';
import { makeNamespace, mustRunIn, removeAbandoned, removeNamespace, whyNotHere } from '../kernel/namespaces.ts';
import { recordingFolder } from '../recordings.ts';
import type { DumpTable } from './foreign-dump.ts';
import { around, readDump, setsOf, withoutKubeProxy } from './foreign-dump.ts';

const published = join(import.meta.dirname, '../../../shared/fixtures/published');

interface ForeignRules {
  readonly name: string;
  /** Files under the folder of published dumps, each with the table of lines that stand in none. */
  readonly files: readonly { readonly path: string; readonly table: string }[];
}

/** Most files are whole dumps that name their tables; the table of the others stands before their path. */
const rulesOf = (name: string, ...files: readonly string[]): ForeignRules => ({
  name,
  files: files.map((file) => {
    const [path = '', table = 'filter'] = file.split(' ').reverse();
    return { path, table };
  }),
});

const dockerFolder = join(published, 'docker-iptables');
const dockerSituations = existsSync(dockerFolder)
  ? [
      ...new Set(
        readdirSync(dockerFolder).flatMap((file) => (file.endsWith('.S.txt') ? [file.split('.', 1)[0] ?? ''] : [])),
      ),
    ]
  : [];

const foreignRules: readonly ForeignRules[] = [
  rulesOf('Calico without workloads', 'calico-iptables/iptables-save-cali.txt'),
  rulesOf('Calico beside an earlier ipvs kube-proxy', 'calico-ipvs-one-node/iptables-save-nat.txt'),
  rulesOf('flannel and kubelet', 'flannel-kubeadm-worker/iptables-save.txt'),
  rulesOf(
    'k3s with kube-router policies, flannel and portmap',
    'k3s-kube-router-netpol/iptables-save-filter-excerpt.txt',
    'nat k3s-kube-router-netpol/iptables-save-nat-excerpt.txt',
  ),
  rulesOf('node-local DNS', 'node-local-dns/iptables-save-raw-filter.txt'),
  rulesOf('node-local DNS, older', 'node-local-dns/iptables-save-raw.txt'),
  rulesOf('ufw', 'ufw/iptables-save.txt'),
  rulesOf('Weave Net with its policies, and Docker', 'weave-npc-broken-bridge-mode/iptables-save.txt'),
  rulesOf(
    'Cilium beside kube-proxy, Docker, node-local DNS',
    'cilium-kubeproxy-nodelocaldns/iptables-save-filter.txt',
    'cilium-kubeproxy-nodelocaldns/iptables-save-nat.txt',
  ),
  rulesOf('the AWS VPC CNI', 'aws-vpc-cni/iptables_-S.txt', 'nat aws-vpc-cni/iptables_-S_-t_nat.txt'),
  rulesOf('kubeadm, Docker and a stale Calico chain', 'kubelet-docker-stale-cali/iptables-save.txt'),
  ...dockerSituations.map((situation) =>
    rulesOf(
      `Docker, ${situation}`,
      ...['filter', 'nat', 'raw'].map((table) => `${table} docker-iptables/${situation}.${table}.S.txt`),
    ),
  ),
];

/** Service addresses that node-a and node-b refuse, since they have no endpoints. */
const refused = ['10.96.223.93', '10.96.159.119', '10.96.44.65', '198.51.100.51', '203.0.113.30'];
/** Load-balancer addresses behind source ranges, which leave the nodes out. */
const limited = ['203.0.113.11', '203.0.113.13'];

interface Difference {
  readonly rules: string;
  readonly place: 'before' | 'after';
  readonly because: string;
  readonly changes: (node: 'node-a' | 'node-b') => readonly string[];
}

const ofEach = (addresses: readonly string[], change: string): readonly string[] =>
  addresses.map((address) => `tcp ${address}:80 ${change}`);

/** Where foreign rules really change what becomes of a service's packets. */
const differences: readonly Difference[] = [
  {
    rules: 'flannel and kubelet',
    place: 'before',
    because: "FLANNEL-FWD accepts whatever comes from 10.244.0.0/16 before kube-proxy's rules can refuse it",
    changes: (node) => [
      ...ofEach(refused, 'from pod: reject - is now none -'),
      // There 10.244.0.0/16 is wider than the node's own pods: some senders from outside are refused, some not.
      ...(node === 'node-b' ? ofEach(refused, 'from outside: reject - is now unknown source-dependent -') : []),
    ],
  },
  {
    rules: 'k3s with kube-router policies, flannel and portmap',
    place: 'before',
    because: "FLANNEL-FWD accepts whatever comes from 10.42.0.0/16, a part of the outside, before kube-proxy's rules",
    changes: () => ofEach(refused, 'from outside: reject - is now unknown source-dependent -'),
  },
  {
    rules: 'ufw',
    place: 'before',
    because: 'its last chain of OUTPUT accepts all new packets of the host before kube-proxy can refuse them',
    changes: () => [
      ...ofEach(limited, 'from node: drop - is now none -'),
      ...ofEach(refused.slice(0, 3), 'from node: reject - is now none -'),
    ],
  },
];

const nodes = [
  { node: 'node-a', backend: 'nft' },
  { node: 'node-b', backend: 'legacy' },
] as const;

const obstacle = existsSync(published)
  ? whyNotHere(['iptables-nft-restore', 'iptables-legacy-restore', 'ipset', 'nfacct'])
  : 'the published dumps are not beside this checkout';
if (obstacle !== null) {
  process.stdout.write(`foreign rules: ${foreignRules.length * nodes.length * 2} cases not run: ${obstacle}\n`);
}

function tablesOf({ files }: ForeignRules): readonly DumpTable[] {
  const texts = files.map(({ path, table }) => ({ path: join(published, path), table }));
  return texts.flatMap(({ path, table }) => (existsSync(path) ? readDump(readFileSync(path, 'utf8'), table) : []));
}

interface NodeLinks {
  readonly links: readonly string[];
  readonly localAddresses: readonly Address[];
}

function linksOf(folder: string): NodeLinks {
  const links: readonly { readonly ifname: string; readonly addr_info: readonly { readonly local: string }[] }[] =
    JSON.parse(readFileSync(join(folder, 'net/ip-addr.json'), 'utf8'));
  return {
    links: links.map(({ ifname }) => ifname),
    localAddresses: links.flatMap(({ addr_info }) => addr_info.flatMap(({ local }) => parseAddress(local) ?? [])),
  };
}

interface Node extends NodeLinks {
  readonly namespace: string;
  readonly backend: 'nft' | 'legacy';
}

/** Loads the rules with the real iptables-restore and reads back what the kernel makes of them. */
function traceLoaded({ namespace, backend, links, localAddresses }: Node, text: string): ForwardingTable {
  mustRunIn(namespace, `iptables-${backend}-restore`, [], text);
  const dump = mustRunIn(namespace, `iptables-${backend}-save`, []);
  const expectTables = readDump(text, 'filter').map(({ name }) => name);
  const parsed = parseRules(dump, { expectTables, trailer: 'required' });
  if (!parsed.ok) throw new Error(`line ${parsed.failure.line}: ${parsed.failure.message}`);
  const { ruleset } = parsed;
  return traceIptables({
    rulesets: [{ backend, family: 'ipv4', ruleset }],
    localAddresses,
    links,
    localDetector: { ipv4: detectLocal(ruleset, 'ipv4') ?? { kind: 'none' }, ipv6: { kind: 'none' } },
  }).table;
}

/** What changed, one line per frontend and origin: `tcp 10.96.0.1:80 from node: forward ... is now drop`. */
function changes(before: ForwardingTable, after: ForwardingTable): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) =>
    origins.flatMap((origin) => {
      const [was, is] = [before, after].map((table) => fateText(table.get(key)?.forwarding[origin]));
      return was === is ? [] : [`${key} from ${origin}: ${was} is now ${is}`];
    }),
  );
}

function fateText(fate: Fate | undefined): string {
  return fate === undefined ? 'none' : `${routeText(fate.route)} ${dressText(fate.dress)}`;
}

describe.skipIf(obstacle !== null).each(nodes)('on $node ($backend)', ({ node, backend }) => {
  const folder = join(recordingFolder('s1-healthy'), node);
  const own = readDump(readFileSync(join(folder, `iptables-${backend}-save.txt`), 'utf8'), 'filter');
  let loaded: Node = { namespace: '', backend, ...linksOf(folder) };
  let alone: ForwardingTable = new Map();

  beforeAll(() => {
    removeAbandoned();
    loaded = { ...loaded, namespace: makeNamespace(`foreign-${backend}`) };
    for (const counter of ['localhost_nps_accepted_pkts', 'ct_state_invalid_dropped_pkts']) {
      mustRunIn(loaded.namespace, 'nfacct', ['add', counter]);
    }
    alone = traceLoaded(loaded, around(own, [], 'after'));
  });

  afterAll(() => removeNamespace(loaded.namespace));

  describe.each(foreignRules)('rules of $name', (rules) => {
    const places = (['before', 'after'] as const).map((place) => {
      const known = differences.find((difference) => difference.place === place && difference.rules === rules.name);
      return { place, expected: known?.changes(node) ?? [], what: known?.because ?? 'services fare as without them' };
    });

    it.each(places)("$place kube-proxy's: $what", ({ place, expected }) => {
      const foreign = withoutKubeProxy(tablesOf(rules));
      for (const [set, type] of setsOf(foreign)) mustRunIn(loaded.namespace, 'ipset', ['create', '-exist', set, type]);
      const table = traceLoaded(loaded, around(own, foreign, place));
      expect([...changes(alone, table)].sort()).toEqual([...expected].sort());
      expect(tableDigest(table) === tableDigest(alone)).toBe(expected.length === 0);
    });
  });
});
