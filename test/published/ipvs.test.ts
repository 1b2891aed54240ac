/**
 * IPVS of nodes that others published, as far as it goes: the work of others stays where it is. Calico's node was just
 * switched from iptables to ipvs mode, so its old chains are still declared; node_exporter's is no kube-proxy's at all.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { traceIpvs } from '../../agent/dataplane/ipvs.ts';
import type { BalancedService } from '../../agent/dataplane/ipvs/balancer.ts';
import { readIpSets } from '../../agent/dataplane/ipvs/ipsets.ts';
import { readProcTable } from '../../agent/dataplane/ipvs/proc-table.ts';
import { clusterIpRule, namedSets } from '../../agent/dataplane/ipvs/rule-sets.ts';
import { type RealServer, type ServerKey, serverKey } from '../../agent/dataplane/ipvs/server.ts';
import { parseHostPort } from '../../proto/address.ts';
import { address, prefixDetector } from '../builders.ts';
import { fateInShort } from '../fate-in-short.ts';
import { rulesetOf } from '../rules-text.ts';
import { backend } from '../view-builders.ts';

const published = join(import.meta.dirname, '../../../shared/fixtures/published');
const obstacle = existsSync(published) ? null : 'the published dumps are not beside this checkout';
if (obstacle !== null) process.stdout.write(`published IPVS nodes: 3 cases not run: ${obstacle}\n`);

function fileOf(name: string): string {
  return readFileSync(join(published, name), 'utf8');
}

/** `ipvsadm -Ln`, as people show it; the agent never reads it. */
function listedServices(text: string): ReadonlyMap<ServerKey, BalancedService> {
  const services = new Map<ServerKey, BalancedService>();
  let servers: RealServer[] = [];
  for (const line of text.split('\n')) {
    const [first = '', place = '', second = '', weight] = line.trim().split(/ +/);
    const parsed = parseHostPort(place);
    if (parsed === null) continue;
    const { address: host, port } = parsed;
    const protocol = first === 'TCP' ? 'tcp' : first === 'UDP' ? 'udp' : null;
    if (first === '->') {
      const server = { backend: backend(place), method: 'masq', weight: Number(weight) } as const;
      servers.push({ ...server, activeConnections: 0, inactiveConnections: 0 });
    }
    if (protocol === null) continue;
    servers = [];
    const kept = { persistentTicks: null, affinitySeconds: 0 } as const;
    services.set(serverKey(protocol, host, port), {
      protocol,
      address: host,
      port,
      scheduler: second,
      servers,
      ...kept,
    });
  }
  return services;
}

/** `ipset list` of one set, as `ipset save` would print it. */
function savedSet(listing: string): string {
  const [head = '', members = ''] = listing.split('Members:\n');
  const name = /^Name: (.*)$/m.exec(head)?.[1] ?? '';
  const type = /^Type: (.*)$/m.exec(head)?.[1] ?? '';
  const lines = members.split('\n').filter((member) => member !== '');
  return `${[`create ${name} ${type}`, ...lines.map((member) => `add ${name} ${member}`)].join('\n')}\n`;
}

describe.skipIf(obstacle !== null)('a node with Calico, switched to ipvs mode', () => {
  const folder = 'calico-ipvs-one-node';
  const ruleset = () => rulesetOf(fileOf(`${folder}/iptables-save-nat.txt`));

  function trace(setEntries: string) {
    const sets = readIpSets(setEntries, () => true);
    if (!sets.ok) throw new Error(sets.problem);
    const own = ['172.17.0.1', '192.168.185.0', '192.168.191.153'].map(address);
    const services = listedServices(fileOf(`${folder}/ipvsadm-Ln.txt`));
    const bound = [...services.values()].map(({ address: host }) => host).filter((host) => !own.includes(host));
    return traceIpvs({
      services,
      rulesets: [{ backend: 'nft', family: 'ipv4', ruleset: ruleset() }],
      sets: sets.value,
      boundAddresses: bound,
      tracksConnections: true,
      localAddresses: own,
      localDetector: { ipv4: prefixDetector('192.168.0.0/16'), ipv6: { kind: 'none' } },
    }).table;
  }

  const allSets = () =>
    `${savedSet(fileOf(`${folder}/ipset-L.txt`))}create KUBE-NODE-PORT-TCP bitmap:port\nadd KUBE-NODE-PORT-TCP 31195\ncreate KUBE-LOOP-BACK hash:ip,port,ip\nadd KUBE-LOOP-BACK 192.168.185.13,tcp:80,192.168.185.13\n`;

  it('names its sets and says which sources are pods', () => {
    expect(clusterIpRule(ruleset(), 'ipv4')).toEqual({
      localDetector: { kind: 'prefix', prefix: '192.168.0.0/16' },
      masqueradeAll: false,
    });
    expect([...namedSets(ruleset(), 'ipv4')].sort()).toEqual([
      'KUBE-CLUSTER-IP',
      'KUBE-LOOP-BACK',
      'KUBE-NODE-PORT-TCP',
      'cali40all-ipam-pools',
      'cali40masq-ipam-pools',
    ]);
  });

  it('serves all its cluster IPs; the node port only where its set was published (here: added)', () => {
    const table = trace(allSets());
    const nodePort = table.get('tcp node4:31195' as never)?.forwarding;
    expect(nodePort === undefined ? null : fateInShort(nodePort.outside)).toBe(
      '192.168.185.13:80,192.168.185.14:80,192.168.185.15:80 masquerade=always',
    );
    const web = table.get('tcp 10.100.49.21:80' as never)?.forwarding;
    expect(web === undefined ? null : [web.pod, web.node, web.outside].map(fateInShort)).toEqual([
      '192.168.185.13:80,192.168.185.14:80,192.168.185.15:80 masquerade=never hairpin=some',
      '192.168.185.13:80,192.168.185.14:80,192.168.185.15:80 masquerade=always',
      '192.168.185.13:80,192.168.185.14:80,192.168.185.15:80 masquerade=always',
    ]);
    const unread = [...trace(savedSet(fileOf(`${folder}/ipset-L.txt`)))].filter(
      ([, { forwarding }]) => forwarding.outside.route.action === 'unknown',
    );
    expect(unread.map(([key]) => key)).toEqual(['tcp node4:31195']);
  });
});

describe.skipIf(obstacle !== null)('a load balancer that is none of kube-proxy’s', () => {
  it('is read, services of firewall marks aside, and what it does with packets is not known', () => {
    const table = readProcTable(fileOf('ipvs/proc-net-ip_vs-node_exporter.txt'));
    if (!table.ok) throw new Error(table.problem);
    const services = new Map([...table.value].map(([key, one]) => [key, { ...one, affinitySeconds: 0 }]));
    const { table: traced } = traceIpvs({
      services,
      rulesets: [],
      sets: new Map(),
      boundAddresses: [],
      tracksConnections: true,
      localAddresses: [...table.value.values()].map(({ address: host }) => host),
      localDetector: { ipv4: { kind: 'none' }, ipv6: { kind: 'none' } },
    });
    expect([...table.value.keys()]).toEqual([
      'tcp 192.168.0.22:3306',
      'tcp 192.168.0.57:3306',
      'tcp 192.168.0.55:3306',
    ]);
    expect([...traced.values()].map(({ forwarding }) => fateInShort(forwarding.outside))).toEqual([
      'unknown unreadable-target',
    ]);
  });
});
