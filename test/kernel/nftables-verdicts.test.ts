/**
 * What the tracer says of kube-proxy's nftables rules in the kernel is what becomes of real connections: from a pod, from
 * the node and from outside, with the rules of a recorded node and with those of older kube-proxies, whole and damaged.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FamilyTable, parseNftables, traceNftPacket } from '../../agent/dataplane/nftables.ts';
import { drift } from '../../aggregator/audit/drift.ts';
import { forwardingText, frontendKey } from '../../proto/canonical.ts';
import { type ForwardingTable, origins, type Protocol } from '../../proto/forwarding.ts';
import type { Lab } from './lab.ts';
import { localAddresses, nodeAddress, openLab, podAddress } from './lab.ts';
import { endpointsIn, type NftDamage, nftDamages, recordedNftRules } from './lab-nft-rules.ts';
import { observedTable } from './loaded-rules.ts';
import { mustRunIn, removeAbandoned, runIn, whyNotHere } from './namespaces.ts';
import { oldNftDamages, oldNftRules } from './old-nft-rules.ts';
import type { Fared, Probe } from './probes.ts';
import { byName, connectOf, connectProbes, probesOf } from './probes.ts';
import { toldByAnswer, toldByTable } from './tellings.ts';

/** Of four endpoints one is missed once in 10^7 times by so many connections. */
const connectionsPerEndpoint = 16;

beforeAll(() => {
  const obstacle = whyNotHere(['nft', 'conntrack', 'sysctl']);
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandoned();
});

/** Replaces kube-proxy's IPv4 table, and forgets the connections that earlier rules made. */
function loadTable(namespace: string, rules: string): void {
  mustRunIn(namespace, 'nft', ['-f', '-'], `table ip kube-proxy\ndelete table ip kube-proxy\n${rules}`);
  runIn(namespace, 'conntrack', ['-F']);
}

/** The table as the kernel prints it, for questions about one packet. */
function loadedTables(namespace: string): readonly FamilyTable[] {
  const parsed = parseNftables(mustRunIn(namespace, 'nft', ['list', 'table', 'ip', 'kube-proxy']));
  if (!parsed.ok) throw new Error(`line ${parsed.failure.line}: ${parsed.failure.message}`);
  return [{ family: 'ipv4', table: parsed.table }];
}

/** Peers of the lab speak TCP and UDP. */
function isSpoken(protocol: Protocol): protocol is 'tcp' | 'udp' {
  return protocol !== 'sctp';
}

/** Servers at every pod, and where un-NATed packets to the services arrive. */
async function listenEverywhere(lab: Lab, rules: string, table: ForwardingTable): Promise<void> {
  const endpoints = endpointsIn(rules);
  const stale = { protocol: 'tcp', address: '10.244.2.11', port: 8080 } as const;
  const pods = [...endpoints.filter(({ address, port }) => address !== stale.address || port !== stale.port), stale];
  const frontends = [...table.values()].flatMap(({ frontend: { address, port, protocol } }) =>
    isSpoken(protocol) ? [{ address, port, protocol }] : [],
  );
  await lab.listen(
    'pod',
    pods.filter(({ address }) => address === podAddress),
  );
  // 9100 is the other port of the endpoint that one damage sends elsewhere.
  await lab.listen('world', [
    ...pods.filter(({ address }) => address !== podAddress),
    ...frontends.filter(({ address }) => address !== 'node'),
  ]);
  await lab.listen(
    'node',
    frontends.filter(({ address }) => address === 'node').map((listen) => ({ ...listen, address: nodeAddress })),
  );
}

function isSticky({ entry: { forwarding } }: Probe): boolean {
  return origins.some((origin) => {
    const { route } = forwarding[origin];
    return route.action === 'forward' && route.affinitySeconds !== 0;
  });
}

interface Rules {
  readonly name: string;
  readonly whole: string;
  readonly damages: readonly NftDamage[];
}

const allRules: readonly Rules[] = [
  { name: 'of a recorded v1.36', whole: recordedNftRules(), damages: nftDamages },
  { name: 'with a chain for each endpoint', whole: oldNftRules, damages: oldNftDamages },
];

describe.each(allRules)('rules $name', ({ name, whole, damages }) => {
  let lab: Lab;
  let wanted: ForwardingTable;

  beforeAll(async () => {
    const pods = [...endpointsIn(whole).map(({ address }) => address), '10.244.2.11'];
    lab = await openLab(`nft-${allRules.findIndex((rules) => rules.name === name)}`, [
      ...new Set(pods.filter((address) => address !== podAddress)),
    ]);
    loadTable(lab.node, whole);
    wanted = await observedTable(lab.node);
    await listenEverywhere(lab, whole, wanted);
  });

  afterAll(async () => lab?.close());

  interface Truth {
    readonly table: ForwardingTable;
    readonly probes: readonly Probe[];
    readonly seen: Readonly<Record<string, Fared>>;
  }

  /** Silence takes a second and a half each time: where nothing has changed, it is waited for once. */
  function isDroppedAsBefore(probe: Probe, table: ForwardingTable): boolean {
    const now = table.get(frontendKey(probe.entry.frontend));
    if (table === wanted || now === undefined) return false;
    const isSame = forwardingText(now.forwarding) === forwardingText(probe.entry.forwarding);
    return isSame && toldByTable(wanted, probe)?.verdict === 'drop';
  }

  /** Loads the rules, reads them as the agent does, and connects to every frontend from everywhere. */
  async function findTruth(rules: string, only: (probe: Probe) => boolean = () => true): Promise<Truth> {
    loadTable(lab.node, rules);
    const table = rules === whole ? wanted : await observedTable(lab.node);
    const probes = probesOf(wanted).filter(
      (probe) =>
        isSpoken(probe.entry.frontend.protocol) && !isSticky(probe) && !isDroppedAsBefore(probe, table) && only(probe),
    );
    const seen = await connectProbes(lab, probes, ({ entry: { forwarding } }) => {
      const routes = origins.map((origin) => forwarding[origin].route);
      const endpoints = Math.max(...routes.map((route) => (route.action === 'forward' ? route.backends.length : 1)));
      return endpoints > 1 ? endpoints * connectionsPerEndpoint : 2;
    });
    return { table, probes, seen };
  }

  /** Where nothing is claimed, nothing is wrong; @returns the probes of which nothing was. */
  function expectTrue(
    probes: readonly Probe[],
    truth: Truth['seen'],
    tell: (probe: Probe) => Fared | null,
  ): readonly Probe[] {
    const told = byName(probes, tell);
    expect(byName(probes, (probe) => told[probe.name] ?? truth[probe.name])).toEqual(
      byName(probes, (probe) => truth[probe.name]),
    );
    return probes.filter((probe) => told[probe.name] === null);
  }

  function expectTableTrue({ table, probes, seen }: Truth, untold: readonly string[] = []): void {
    const unknown = [...table].filter(([, { forwarding }]) =>
      origins.some((origin) => forwarding[origin].route.action === 'unknown'),
    );
    expect(unknown.map(([key]) => key)).toEqual(untold);
    // What no entry lists is not forwarded; whether the check of cluster IPs rejects or drops it, the table does not tell.
    const isListed = ({ entry: { frontend } }: Probe) => table.has(frontendKey(frontend));
    const unlisted = probes.filter((probe) => !isListed(probe));
    expect(unlisted.filter(({ name }) => seen[name]?.verdict === 'forward')).toEqual([]);
    // Of a pod that may meet itself the table does not tell which of the backends is masqueraded towards itself.
    const unclaimed = expectTrue(probes.filter(isListed), seen, (probe) => toldByTable(table, probe));
    const others = unclaimed.filter(
      ({ entry, from }) => from !== podAddress && !untold.includes(frontendKey(entry.frontend)),
    );
    expect(others).toEqual([]);
  }

  function expectWalksTrue({ probes, seen }: Truth): void {
    const tables = loadedTables(lab.node);
    // The walk of one packet does not tell whether others are lost, or come back to their sender.
    const answered = probes.filter((probe) => seen[probe.name]?.unanswered === false);
    const known = Object.fromEntries(Object.entries(seen).map(([probe, fared]) => [probe, { ...fared, lost: false }]));
    const unclaimed = expectTrue(answered, known, ({ from, to, entry }) => {
      const { protocol, port } = entry.frontend;
      return toldByAnswer(traceNftPacket({ tables, from, to, port, protocol, localAddresses }), from);
    });
    expect(unclaimed).toEqual([]);
  }

  it('whole: connections fare as told', async () => {
    const truth = await findTruth(whole);
    expect(new Set(Object.values(truth.seen).map(({ verdict }) => verdict))).toEqual(
      new Set(['forward', 'reject', 'drop']),
    );
    expectTableTrue(truth);
    expectWalksTrue(truth);
  });

  it('whole: a client with affinity stays with the backend that it met first', async () => {
    loadTable(lab.node, whole);
    const table = await observedTable(lab.node);
    const sticky = probesOf(wanted).filter(isSticky);
    for (const probe of sticky) {
      const told = toldByTable(table, probe);
      if (told?.verdict !== 'forward') continue;
      const outcomes = await lab.connect(
        probe.origin,
        Array.from({ length: 12 }, () => connectOf(probe)),
        true,
      );
      const servers = new Set(outcomes.map((outcome) => (outcome.kind === 'answered' ? outcome.server : outcome.kind)));
      expect([probe.name, servers.size]).toEqual([probe.name, 1]);
      expect(told.backends).toContain([...servers][0]);
    }
  });

  it.each(damages)(
    'damaged, $name: connections fare as told',
    async ({ damaged, only, untold, isHarmless = false }) => {
      const rules = damaged(whole);
      expect(rules).not.toBe(whole);
      const truth = await findTruth(rules, only);
      expectTableTrue(truth, untold);
      expectWalksTrue(truth);
      expect(drift(wanted, truth.table).length === 0).toBe(isHarmless);
    },
  );
});
