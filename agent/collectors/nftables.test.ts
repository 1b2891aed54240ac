import { describe, expect, it } from 'vitest';
import { BucketTable, leafIndexOf } from '../../proto/bucket-tree.ts';
import { entryDigest } from '../../proto/canonical.ts';
import { address } from '../../test/builders.ts';
import { recordingFolder } from '../../test/recordings.ts';
import { frontend } from '../../test/view-builders.ts';
import type { Host } from '../host.ts';
import { recordedHost } from '../recorded-host.ts';
import { scriptedHost } from '../scripted-host.ts';
import type { Wishes } from './dataplane-reading.ts';
import { collectNftTables } from './nft-tables.ts';
import { type NftablesInput, NftablesReader, noNftablesReading } from './nftables.ts';

const recorded = recordedHost(`${recordingFolder('s1-healthy')}/node-c`);
const localAddresses = ['127.0.0.1', '192.168.100.13', '10.244.3.1', 'fd00:100::13'].map(address);
const listIpv4 = 'nft -s list table ip kube-proxy';
const listIpv6 = 'nft -s list table ip6 kube-proxy';
const web = frontend('tcp 10.96.27.42:80');

/** Moves on by a minute each time it is asked. */
function clock(): () => Date {
  let minute = 0;
  return () => new Date(Date.UTC(2026, 10, 22, 8, minute++));
}

async function inputOf(host: Host): Promise<NftablesInput> {
  return { localAddresses, links: null, configuration: null, nftTables: await collectNftTables(host) };
}

/** s1's node-c, with whatever edits its IPv4 rules meanwhile. */
class LivingNode {
  edit: (rules: string) => string = (rules) => rules;
  readonly log: string[] = [];
  readonly host: Host = {
    ...recorded,
    run: async (command, onOutput) => {
      const line = [command.program, ...command.args].join(' ');
      this.log.push(line);
      if (line !== listIpv4) return recorded.run(command, onOutput);
      const pieces: Uint8Array[] = [];
      const result = await recorded.run(command, (piece) => pieces.push(Uint8Array.from(piece)));
      onOutput(Buffer.from(this.edit(Buffer.concat(pieces).toString())));
      return result;
    },
  };
  readonly reader: NftablesReader;

  constructor(keepsRules = false) {
    this.reader = new NftablesReader(this.host, clock(), keepsRules);
  }

  async read(changed: Partial<NftablesInput> = {}, wishes?: Wishes) {
    const input = { ...(await inputOf(this.host)), ...changed };
    this.log.length = 0;
    const reading = await this.reader.read(input, wishes);
    const { part, forwarding } = reading;
    if (part.state !== 'ok' || forwarding.state !== 'ok') throw new Error(JSON.stringify([part, forwarding]));
    return { ...reading, report: part.value, collectedAt: part.collectedAt, forwarding: forwarding.value };
  }

  /** Two readings, before and after a change. */
  async readTwice(edit: (rules: string) => string, changed: Partial<NftablesInput> = {}) {
    const before = await this.read();
    this.edit = edit;
    const after = await this.read(changed);
    const same = before.report === after.report && before.forwarding === after.forwarding;
    return { before, after, same, log: [...this.log] };
  }
}

describe('a node in nftables mode', () => {
  it('is read by one listing for each family, which say what becomes of packets and how the rules are built', async () => {
    const node = new LivingNode();
    const { report, forwarding, facts } = await node.read();
    expect(node.log).toEqual([listIpv4, listIpv6]);
    expect(report.structures.map(({ family, chains, missingBaseJumps }) => [family, chains, missingBaseJumps])).toEqual(
      [
        ['ipv4', 68, []],
        ['ipv6', 19, []],
      ],
    );
    expect([forwarding.mode, forwarding.unlisted]).toEqual(['nftables', null]);
    expect(forwarding.table.get(web)?.forwarding.pod.route).toEqual({
      action: 'forward',
      backends: ['10.244.1.2:8080', '10.244.2.2:8080', '10.244.3.2:8080'],
      affinitySeconds: 0,
      sources: 'any',
      otherwise: 'drop',
    });
    expect(facts.localDetector).toEqual({
      ipv4: { kind: 'prefix', prefix: '10.244.0.0/16' },
      ipv6: { kind: 'prefix', prefix: 'fd00:10:244::/56' },
    });
  });
});

describe('a node without rules of nftables mode', () => {
  async function readOn(host: Host, log: string[] = []) {
    const reading = await new NftablesReader(host, clock(), false).read(await inputOf(host));
    return { reading, log };
  }

  it('is absent where kube-proxy has no table, and nothing is listed', async () => {
    const log: string[] = [];
    const runs = { 'nft list flowtables': 'table ip nat {\n}\ntable inet kube-proxy {\n}\n' };
    expect((await readOn(scriptedHost({ runs }, log))).reading).toEqual(noNftablesReading);
    expect(log).toEqual(['nft list flowtables']);
  });

  it('is absent where nft is not installed', async () => {
    expect((await readOn(scriptedHost({}))).reading).toEqual(noNftablesReading);
  });

  it('is not known where nft fails to say which tables there are', async () => {
    const message = 'nft ended with code 1: Operation not permitted';
    const runs = { 'nft list flowtables': { ok: false, kind: 'not-permitted', message } } as const;
    const failure = { state: 'failed', reason: message };
    expect((await readOn(scriptedHost({ runs }))).reading).toEqual({
      ...noNftablesReading,
      part: failure,
      forwarding: failure,
    });
  });
});

describe('a second reading', () => {
  it('of unchanged rules lists them once and keeps the report, at its own time', async () => {
    const { before, after, same, log } = await new LivingNode().readTwice((rules) => rules);
    expect([same, log]).toEqual([true, [listIpv4, listIpv6]]);
    expect([before.collectedAt, after.collectedAt]).toEqual(['2026-11-22T08:00:00.000Z', '2026-11-22T08:01:00.000Z']);
  });

  it('of rules that only remember other clients keeps the report', async () => {
    const { same } = await new LivingNode().readTwice((rules) =>
      rules.replace(/10\.244\.3\.2 expires \w+/, '10.244.1.7 expires 1s, 10.244.1.8 expires 2s'),
    );
    expect(same).toBe(true);
  });

  it('of changed rules lists them once too, and shares all leaves that are as before', async () => {
    const { before, after, log } = await new LivingNode().readTwice((rules) =>
      rules.replace('1 : 10.244.2.2 . 8080, 2 : 10.244.3.2 . 8080', '1 : 10.244.2.9 . 8080, 2 : 10.244.3.2 . 8080'),
    );
    expect(log).toEqual([listIpv4, listIpv6]);
    const [old, now] = [before.forwarding.table, after.forwarding.table];
    if (!(old instanceof BucketTable && now instanceof BucketTable)) throw new Error('the tables are kept as leaves');
    const others = now.leaves.flatMap((leaf, index) => (leaf === old.leaves[index] ? [] : [index]));
    expect(others).toEqual([leafIndexOf(web)]);
  });

  it('of the same rules on a node with other addresses traces them anew', async () => {
    const { same } = await new LivingNode().readTwice((rules) => rules, {
      localAddresses: [...localAddresses, address('192.168.100.14')],
    });
    expect(same).toBe(false);
  });

  it('of the same rules on a node with one more link keeps the report', async () => {
    const node = new LivingNode();
    const first = await node.read({ links: ['lo', 'eth0'] });
    expect((await node.read({ links: ['lo', 'eth0', 'eth1'] })).report).toBe(first.report);
  });
});

describe('a reading that cannot be whole', () => {
  async function reasonOn(host: Host): Promise<string> {
    const { part, forwarding } = await new NftablesReader(host, clock(), false).read(await inputOf(host));
    if (part.state !== 'failed') throw new Error(part.state);
    expect(forwarding).toEqual(part);
    return part.reason;
  }

  it('fails when the listing of one family was cut off', async () => {
    const node = new LivingNode();
    node.edit = (rules) => rules.slice(0, rules.indexOf('\tchain services'));
    expect(await reasonOn(node.host)).toMatch(/^nft printed what cannot be read: table ip kube-proxy, line \d+: /);
  });

  it('fails when one family cannot be listed', async () => {
    const runs = {
      'nft list flowtables': 'table ip kube-proxy {\n}\ntable ip6 kube-proxy {\n}\n',
      [listIpv4]: 'table ip kube-proxy {\n}\n',
      [listIpv6]: { ok: false, kind: 'deadline', message: 'nft did not end within 30000 ms' },
    } as const;
    expect(await reasonOn(scriptedHost({ runs }))).toBe(
      `${listIpv6}: too many rules: nft did not end within 30000 ms; run it by hand to see what it takes`,
    );
  });
});

describe('the rules behind an entry', () => {
  const rule =
    'meta l4proto tcp dnat ip to numgen random mod 3 map ' +
    '{ 0 : 10.244.1.2 . 8080, 1 : 10.244.2.2 . 8080, 2 : 10.244.3.2 . 8080 }';

  it('are told when asked for, though nothing has changed, and the report stays the same', async () => {
    const node = new LivingNode();
    const first = await node.read();
    const entry = first.forwarding.table.get(web);
    if (entry === undefined) throw new Error('the Service is not in the table');
    const digest = entryDigest(web, entry.forwarding);
    const gone = '0'.repeat(32);
    const second = await node.read({}, { evidenceFor: [gone, digest], expectsChange: false });
    expect(second.report).toBe(first.report);
    expect(second.evidence.map(({ entry, repaired }) => [entry, repaired])).toEqual([
      [gone, true],
      [digest, false],
    ]);
    expect(second.evidence[1]?.lines.map(({ table, rule }) => [table, rule])).toContainEqual(['ip kube-proxy', rule]);
  });

  it('are gone with the reading, but whom they claim to serve can still be asked', async () => {
    const reading = await new LivingNode().read();
    expect([reading.explain(web), reading.ownerHint(web)]).toEqual([[], 'shop/web']);
    expect(reading.forwarding.owners).toEqual(new Map());
  });

  it('are kept for whoever wants them explained, with all owners', async () => {
    const reading = await new LivingNode(true).read();
    expect(reading.explain(web).map((line) => line.rule)).toContain(rule);
    expect(reading.forwarding.owners.get(web)).toBe('shop/web');
  });
});
