/** kube-proxy's nftables tables written for random clusters and read back: whole as wanted, damaged otherwise. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { traceNftables } from '../../agent/dataplane/nftables.ts';
import { desiredState } from '../../aggregator/audit/desired.ts';
import { drift } from '../../aggregator/audit/drift.ts';
import { tableDigest } from '../../proto/canonical.ts';
import { type Address, parseHostPort } from '../../proto/address.ts';
import type { Fate, ForwardingTable } from '../../proto/forwarding.ts';
import { address, known } from '../builders.ts';
import { followNftPacket, readNftText } from '../nft-packet-by-hand.ts';
import { nftTable } from '../nft-tables.ts';
import { type RandomCluster, randomCluster } from './cluster-arbitrary.ts';
import { iptablesProfile } from './iptables-profile.ts';
import { type NftShape, nftText } from './nft-writer.ts';

const seed = 20_261_123;
const shapes: readonly NftShape[] = ['v1.36', 'endpoint chains'];

function desiredTable({ state, node }: RandomCluster, shape: NftShape): ForwardingTable {
  const profile = {
    ...iptablesProfile(node),
    mode: known('nftables' as const),
    families: ['ipv4' as const],
    nodePortAddresses: known(shape === 'v1.36' ? ('primary' as const) : ('all' as const)),
    hairpin: known(shape === 'v1.36' ? ('own-endpoints' as const) : ('every-endpoint' as const)),
    refusesOwnFirst: known(shape !== 'v1.36'),
  };
  return desiredState(state, { name: node.nodeName, zone: null, profile }).table;
}

function observedTable({ node }: RandomCluster, text: string): ForwardingTable {
  const { localAddresses, localDetector } = node;
  return traceNftables({ tables: [{ family: 'ipv4', table: nftTable(text) }], localAddresses, localDetector }).table;
}

const cluster = randomCluster(4).filter(({ family }) => family === 'ipv4');

describe.each(shapes)('the tables of a random cluster as kube-proxy writes them (%s)', (shape) => {
  it('read back as the table that they were written for', () => {
    fc.assert(
      fc.property(cluster, (one) => {
        const desired = desiredTable(one, shape);
        const observed = observedTable(one, nftText(one, shape));
        expect(drift(desired, observed)).toEqual([]);
        expect(tableDigest(observed)).toBe(tableDigest(desired));
      }),
      { seed, numRuns: 300 },
    );
  });
});

/** One thing less in the text: a rule, or an element of a set or map. */
interface Loss {
  readonly what: string;
  readonly text: string;
}

function losses(text: string): readonly Loss[] {
  const lines = text.split('\n');
  const rules = lines.flatMap((line, index) => {
    const isRule = /^\t\t(?!type |comment |elements |size |flags |timeout |\t)/.test(line) && !line.includes(' . ');
    return isRule || line.includes('vmap @') ? [{ what: line.trim(), text: lines.toSpliced(index, 1).join('\n') }] : [];
  });
  const elements = [...text.matchAll(/elements = \{ (?<held>[^}]*) \}/g)].flatMap(({ index, groups, 0: whole }) => {
    const held = (groups?.held ?? '').split(/,\s+/);
    return held.map((element, place) => {
      const rest = held.toSpliced(place, 1);
      const kept = rest.length === 0 ? '' : `elements = { ${rest.join(',\n\t\t\t     ')} }`;
      return { what: element, text: text.slice(0, index) + kept + text.slice(index + whole.length) };
    });
  });
  return [...rules, ...elements].filter(({ what }) => what !== '');
}

/** Clusters whose rules the walk by hand can follow, and one loss of each. */
const damaged = cluster
  .filter(({ node }) => node.localDetector.ipv4.kind === 'prefix' && node.markBit === 14)
  .chain((one) => fc.record({ one: fc.constant(one), loss: fc.constantFrom(...losses(nftText(one, 'v1.36'))) }));

/** What a packet of each kind of source to each frontend meets, by hand; what no rule of kube-proxy's can be is told too. */
function outcomes({ node }: RandomCluster, table: ForwardingTable, text: string): readonly string[] {
  const rules = readNftText(text, 'ip kube-proxy');
  const sources = ['10.244.1.200', '192.168.100.11', '198.51.100.77', '203.0.113.200'].map(address);
  return [...table.values()].flatMap(({ frontend }) => {
    const to = frontend.address === 'node' ? address('192.168.100.11') : frontend.address;
    const { port, protocol } = frontend;
    const itself = [...table.values()].flatMap(({ forwarding }) => hostsOf(forwarding.pod));
    return [...sources, ...itself].map((from) => {
      try {
        return JSON.stringify([
          from,
          to,
          port,
          followNftPacket(rules, { from, to, port, protocol }, node.localAddresses),
        ]);
      } catch (cause) {
        return `${from} ${to}:${port} ${String(cause)}`;
      }
    });
  });
}

function hostsOf({ route }: Fate): readonly Address[] {
  return route.action === 'forward' ? route.backends.flatMap((backend) => parseHostPort(backend)?.address ?? []) : [];
}

describe('one rule or element lost (v1.36)', () => {
  it('is a drift, unless no packet to any frontend can tell', () => {
    let seen = 0;
    fc.assert(
      fc.property(damaged, ({ one, loss }) => {
        const desired = desiredTable(one, 'v1.36');
        if (drift(desired, observedTable(one, loss.text)).length > 0) seen++;
        else
          expect([loss.what, outcomes(one, desired, loss.text)]).toEqual([
            loss.what,
            outcomes(one, desired, nftText(one, 'v1.36')),
          ]);
      }),
      { seed, numRuns: 400 },
    );
    expect(seen).toBeGreaterThan(200);
  });
});
