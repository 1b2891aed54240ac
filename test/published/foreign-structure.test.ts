/**
 * Published rules of CNIs, container runtimes and firewalls, put before a recorded node's own as text: what the agent
 * tells of the surroundings, and that no check takes usual rules for trouble. The dumps are the work of others and stay
 * where they are.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRules } from 'node-iptables-parse';
import { describe, expect, it } from 'vitest';
import { ruleTables } from '../../agent/dataplane/rule-tables.ts';
import { surroundingsOf } from '../../agent/dataplane/surroundings.ts';
import { forwardDropped } from '../../aggregator/checks/forward-dropped.ts';
import { hostportMissing } from '../../aggregator/checks/hostport-missing.ts';
import { markCollision } from '../../aggregator/checks/mark-collision.ts';
import { address, pod, prefixDetector } from '../builders.ts';
import { recordingFolder } from '../recordings.ts';
import { nodeView, objects, structure } from '../view-builders.ts';
import { around, readDump, withoutKubeProxy } from './foreign-dump.ts';

const published = join(import.meta.dirname, '../../../shared/fixtures/published');

interface Case {
  readonly name: string;
  /** Files below the folder of published dumps; the table of lines that stand in none comes first. */
  readonly files: readonly string[];
  /** What stands before kube-proxy's jumps and takes packets that these should refuse. */
  readonly ahead?: readonly string[];
  readonly forwarding: 'accepted' | 'dropped' | 'unknown';
  readonly hostPorts?: number;
}

const cases: readonly Case[] = [
  { name: 'Calico', files: ['calico-iptables/iptables-save-cali.txt'], forwarding: 'unknown' },
  {
    name: 'flannel and kubelet',
    files: ['flannel-kubeadm-worker/iptables-save.txt'],
    ahead: ['-A FLANNEL-FWD -s 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT'],
    forwarding: 'accepted',
  },
  {
    name: 'ufw',
    files: ['ufw/iptables-save.txt'],
    ahead: ['-A ufw-track-output -p tcp -m state --state NEW -j ACCEPT'],
    forwarding: 'dropped',
  },
  { name: 'Weave Net and Docker', files: ['weave-npc-broken-bridge-mode/iptables-save.txt'], forwarding: 'unknown' },
  {
    name: 'the AWS VPC CNI',
    files: ['aws-vpc-cni/iptables_-S.txt', 'nat aws-vpc-cni/iptables_-S_-t_nat.txt'],
    forwarding: 'accepted',
  },
  {
    name: 'kubeadm and Docker, whose policy is DROP',
    files: ['kubelet-docker-stale-cali/iptables-save.txt'],
    forwarding: 'dropped',
  },
  {
    name: 'Docker with a published port',
    files: ['docker-iptables/usernet-portmap.filter.S.txt', 'nat docker-iptables/usernet-portmap.nat.S.txt'],
    forwarding: 'accepted',
    hostPorts: 1,
  },
  {
    name: 'Cilium beside kube-proxy, node-local DNS',
    files: [
      'cilium-kubeproxy-nodelocaldns/iptables-save-filter.txt',
      'nat cilium-kubeproxy-nodelocaldns/iptables-save-nat.txt',
    ],
    forwarding: 'accepted',
  },
];

const isHere = existsSync(published);
if (!isHere) {
  process.stdout.write(
    `surroundings: ${cases.length} cases not run: the published dumps are not beside this checkout\n`,
  );
}

const nodeA = {
  family: 'ipv4',
  localAddresses: [address('192.168.100.11'), address('10.244.1.1')],
  localDetector: prefixDetector('10.244.0.0/16'),
  links: ['lo', 'eth0', 'cni0', 'docker0', 'weave', 'cali12345678901'],
} as const;

function surroundings(files: readonly string[]) {
  const own = readDump(
    readFileSync(join(recordingFolder('s1-healthy'), 'node-a/iptables-nft-save.txt'), 'utf8'),
    'filter',
  );
  const foreign = files.flatMap((file) => {
    const [path = '', table = 'filter'] = file.split(' ').reverse();
    return readDump(readFileSync(join(published, path), 'utf8'), table);
  });
  const parsed = parseRules(around(own, withoutKubeProxy(foreign), 'before'), {
    expectTables: [],
    trailer: 'optional',
  });
  if (!parsed.ok) throw new Error(`line ${parsed.failure.line}: ${parsed.failure.message}`);
  return surroundingsOf(ruleTables(parsed.ruleset, 'ipv4'), nodeA, 14);
}

describe.skipIf(!isHere).each(cases)(
  "rules of $name before kube-proxy's",
  ({ files, ahead = [], forwarding, hostPorts = 0 }) => {
    const found = isHere ? surroundings(files) : structure();
    const hostPod = {
      ...pod('media/hostport-0', 'node-a', '10.244.1.8'),
      ports: [{ name: '', protocol: 'tcp', port: 8080, hostPort: 8088, hostAddress: null }],
    } as const;
    const view = nodeView({ structures: [structure(found)], objects: objects({ pods: [hostPod] }) });

    it(`take ${ahead.length === 0 ? 'no packets that are' : 'only packets that should be refused and are'} kube-proxy's`, () => {
      expect([...new Set(found.rulesAhead.first.map(({ rule }) => rule))]).toEqual(ahead);
      expect(found.rulesAhead.first.every(({ ahead: jump }) => jump.table === 'filter')).toBe(true);
    });

    it(`leave packets among pods ${forwarding}`, () => {
      expect(found.podForwarding.fate).toBe(forwarding);
      expect(forwardDropped.evaluate(view)).toHaveLength(forwarding === 'dropped' ? 1 : 0);
    });

    it("leave kube-proxy's mark and portmap's host port alone", () => {
      expect(markCollision.evaluate(view)).toEqual([]);
      expect(hostportMissing.evaluate(view)).toEqual([]);
      expect(found.hostPorts.total).toBe(1 + hostPorts);
    });
  },
);
