/**
 * What the tracer says of rules in the kernel is what becomes of real connections: for every kind of Service, from a pod,
 * from the node and from outside, with both backends of iptables, with whole rules and with damaged ones.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drift } from '../../aggregator/audit/drift.ts';
import { frontendKey, tableDigest } from '../../proto/canonical.ts';
import type { ForwardingTable } from '../../proto/forwarding.ts';
import { origins } from '../../proto/forwarding.ts';
import type { WrittenRules } from '../property/written-rules.ts';
import type { Lab } from './lab.ts';
import { localAddresses, nodeAddress, openLab, podAddress } from './lab.ts';
import { podPorts } from './lab-cluster.ts';
import type { Listen } from './lab-peer.ts';
import { damaged, damagesOf, labRules, podRange } from './lab-rules.ts';
import { loadedRules, loadRules, makeCounters, observedTable } from './loaded-rules.ts';
import { removeAbandoned, whyNotHere } from './namespaces.ts';
import type { Fared, Probe } from './probes.ts';
import { byName, connectOf, connectProbes, probesOf } from './probes.ts';
import { toldByTable, toldByWalk } from './tellings.ts';

/** The cluster IP of the Service that is damaged where one is. */
const suffering = 'tcp 10.96.0.1:80';
/** Of three endpoints one is missed once in 10^8 times by so many connections. */
const connectionsPerEndpoint = 16;

beforeAll(() => {
  const obstacle = whyNotHere(['iptables-nft-restore', 'iptables-legacy-restore', 'nfacct', 'conntrack', 'sysctl']);
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandoned();
});

/** Servers at every pod, and where un-NATed packets to the services arrive. */
async function listenEverywhere(lab: Lab, table: ForwardingTable): Promise<void> {
  const pod = (address: string): readonly Listen[] =>
    (['tcp', 'udp'] as const).map((protocol) => ({ protocol, address, port: podPorts[protocol] }));
  const frontends = [...table.values()].flatMap(({ frontend: { address, port, protocol } }) =>
    protocol === 'sctp' ? [] : [{ address, port, protocol }],
  );
  const services = frontends.filter(({ address }) => address !== 'node');
  const nodePorts = frontends.filter(({ address }) => address === 'node');
  await lab.listen('pod', pod(podAddress));
  await lab.listen('world', [...['10.244.1.10', '10.244.2.10', '10.244.2.11'].flatMap(pod), ...services]);
  await lab.listen(
    'node',
    nodePorts.map((listen) => ({ ...listen, address: nodeAddress })),
  );
}

function isSticky({ entry: { forwarding } }: Probe): boolean {
  return forwarding.node.route.action === 'forward' && forwarding.node.route.affinitySeconds !== 0;
}

describe.each(['nft', 'legacy'] as const)('rules in iptables-%s', (backend) => {
  const whole = labRules(podRange);
  let lab: Lab;

  beforeAll(async () => {
    lab = await openLab(`verdicts-${backend}`);
    makeCounters(lab.node);
    await listenEverywhere(lab, whole.wanted);
  });

  afterAll(async () => lab?.close());

  interface Truth {
    readonly table: ForwardingTable;
    readonly probes: readonly Probe[];
    readonly seen: Readonly<Record<string, Fared>>;
  }

  /** Loads the rules, reads them as the agent does, and connects to every frontend from everywhere. */
  async function findTruth(rules: WrittenRules, wanted: ForwardingTable): Promise<Truth> {
    loadRules(lab.node, backend, rules);
    const table = await observedTable(lab.node);
    const probes = probesOf(wanted).filter((probe) => !isSticky(probe));
    const seen = await connectProbes(lab, probes, (probe) => {
      const routes = origins.map((origin) => probe.entry.forwarding[origin].route);
      const endpoints = Math.max(...routes.map((route) => (route.action === 'forward' ? route.backends.length : 1)));
      return endpoints > 1 ? endpoints * connectionsPerEndpoint : 2;
    });
    return { table, probes, seen };
  }

  /** Where nothing is claimed, nothing is wrong; but only of what is damaged may nothing be claimed. */
  function expectTrue(probes: readonly Probe[], truth: Truth['seen'], tell: (probe: Probe) => Fared | null): void {
    const told = byName(probes, tell);
    expect(byName(probes, ({ name }) => told[name] ?? truth[name])).toEqual(byName(probes, ({ name }) => truth[name]));
    const unknown = probes.filter(({ name }) => told[name] === null).map(({ entry }) => frontendKey(entry.frontend));
    expect(unknown.filter((frontend) => frontend !== suffering)).toEqual([]);
  }

  function expectTableTrue({ table, probes, seen }: Truth): void {
    const unknown = [...table].filter(([, { forwarding }]) =>
      origins.some((origin) => forwarding[origin].route.action === 'unknown'),
    );
    expect(unknown).toEqual([]);
    expectTrue(probes, seen, (probe) => toldByTable(table, probe));
  }

  function expectWalksTrue({ probes, seen }: Truth, rules: WrittenRules): void {
    const loaded = loadedRules(lab.node, backend, rules);
    // The walk of one packet does not tell whether others are lost, or come back to their sender.
    const answered = probes.filter(({ name }) => seen[name]?.unanswered === false);
    const known = Object.fromEntries(Object.entries(seen).map(([name, fared]) => [name, { ...fared, lost: false }]));
    expectTrue(answered, known, (probe) => toldByWalk(loaded, probe));
  }

  describe('whole', () => {
    it('kube-proxy knows pods by their range: connections fare as told, and as wanted', async () => {
      const truth = await findTruth(whole.rules, whole.wanted);
      expectTableTrue(truth);
      expectWalksTrue(truth, whole.rules);
      expect(drift(whole.wanted, truth.table)).toEqual([]);
      expect(tableDigest(truth.table)).toBe(tableDigest(whole.wanted));
    });

    it('kube-proxy knows pods by their interface', async () => {
      const { rules, wanted } = labRules({ kind: 'interface', pattern: 'to-pod' });
      const truth = await findTruth(rules, wanted);
      // The walk of one packet knows its addresses, not its interface.
      expectTableTrue(truth);
      expect(drift(wanted, truth.table)).toEqual([]);
    });

    it('kube-proxy does not know pods', async () => {
      const { rules, wanted } = labRules({ kind: 'none' });
      const truth = await findTruth(rules, wanted);
      expectTableTrue(truth);
      expectWalksTrue(truth, rules);
      expect(drift(wanted, truth.table)).toEqual([]);
    });

    it('kube-proxy masquerades all', async () => {
      const { rules, wanted } = labRules(podRange, true);
      // kube-proxy does not run here: that it masquerades all, and for whom not, the rules themselves show.
      const truth = await findTruth(rules, wanted);
      expectTableTrue(truth);
      expectWalksTrue(truth, rules);
      expect(drift(wanted, truth.table)).toEqual([]);
    });

    it('a client with affinity stays with the backend that it met first', async () => {
      loadRules(lab.node, backend, whole.rules);
      const table = await observedTable(lab.node);
      const sticky = probesOf(whole.wanted).filter(isSticky);
      expect(sticky.length).toBeGreaterThan(0);
      for (const probe of sticky) {
        const outcomes = await lab.connect(
          probe.origin,
          Array.from({ length: 12 }, () => connectOf(probe)),
          true,
        );
        const servers = outcomes.map((outcome) => (outcome.kind === 'answered' ? outcome.server : outcome.kind));
        expect([probe.name, new Set(servers).size]).toEqual([probe.name, 1]);
        expect(toldByTable(table, probe)?.backends).toContain(servers[0]);
      }
    });

    it("the node's own loopback address answers node ports", async () => {
      loadRules(lab.node, backend, whole.rules);
      const loaded = loadedRules(lab.node, backend, whole.rules);
      const loopback = localAddresses.filter((address) => address.startsWith('127.'));
      const probes = probesOf(whole.wanted)
        .filter((probe) => probe.origin === 'node' && probe.entry.frontend.address === 'node' && !isSticky(probe))
        .flatMap((probe) => loopback.map((to) => ({ ...probe, from: to, to })))
        .filter((probe) => toldByWalk(loaded, probe)?.verdict === 'forward');
      expect(probes.length).toBeGreaterThan(0);
      const seen = await connectProbes(lab, probes, () => 3 * connectionsPerEndpoint);
      expect(byName(probes, (probe) => toldByWalk(loaded, probe)?.backends)).toEqual(
        byName(probes, ({ name }) => seen[name]?.backends),
      );
    });
  });

  describe('damaged', () => {
    it.each(damagesOf(whole.rules))('$name: connections fare as told, and not as wanted', async (damage) => {
      const rules = damaged(whole.rules, damage);
      const truth = await findTruth(rules, whole.wanted);
      expectTableTrue(truth);
      expectWalksTrue(truth, rules);
      expect(drift(whole.wanted, truth.table)).not.toEqual([]);
    });
  });
});
