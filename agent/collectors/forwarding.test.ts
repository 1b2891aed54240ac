import { describe, expect, it } from 'vitest';
import {
  everyone,
  forwardTo,
  type Row,
  rejected,
  reported,
  table,
  unreadable,
  untaken,
} from '../../test/view-builders.ts';
import type { ReadMode } from '../../proto/parts.ts';
import type { DataplaneMode, Sourced } from '../../proto/profile.ts';
import { type DataplaneReading, notRead, nothingRead } from './dataplane-reading.ts';
import { readingOf } from './forwarding.ts';

const web = 'tcp 10.96.0.1:80';
const cart = 'tcp 10.96.0.3:6379';
const served = everyone(forwardTo('10.244.1.2:8080'));
const stale = everyone(forwardTo('10.244.1.9:8080'));
const undecided = everyone(unreadable('order-not-visible'));

function read(mode: ReadMode, ...rows: readonly Row[]): DataplaneReading {
  return { ...nothingRead, forwarding: reported({ mode, table: table(rows), owners: new Map(), unlisted: null }) };
}

const absent = { iptables: nothingRead, nftables: nothingRead, ipvs: nothingRead, cilium: nothingRead };

function works(value: DataplaneMode): Sourced<DataplaneMode> {
  return { value, source: 'proxyMode' };
}

function rowsOf({ forwarding }: DataplaneReading) {
  if (forwarding.state !== 'ok') return forwarding;
  return [...forwarding.value.table].map(([key, entry]) => [key, entry.forwarding]);
}

describe('what a node does', () => {
  it('is what the reader of its mode found', () => {
    const nftables = read('nftables', [web, served]);
    expect(readingOf(works('nftables'), { ...absent, nftables, iptables: read('iptables') })).toBe(nftables);
  });

  it('is not known while the mode is not', () => {
    const mode = { source: 'unknown', reason: 'kube-proxy is silent, traces of iptables and nftables' } as const;
    expect(readingOf(mode, { ...absent, iptables: read('iptables', [web, served]) })).toEqual(notRead(mode.reason));
  });

  it('is not known where nobody can read the mode', () => {
    expect(readingOf(works('ebpf'), { ...absent, iptables: read('iptables', [web, served]) })).toBe(nothingRead);
  });

  it('is not known while rules that may come first could not be read', () => {
    const readings = { ...absent, nftables: read('nftables', [web, served]), iptables: notRead('exit code 1') };
    expect(readingOf(works('nftables'), readings).forwarding).toEqual({
      state: 'failed',
      reason: 'rules of iptables, which may come first: exit code 1',
    });
  });
});

describe('rules of another dataplane, left over', () => {
  it('that do the same change nothing', () => {
    const readings = {
      ...absent,
      nftables: read('nftables', [web, served]),
      iptables: read('iptables', [web, served]),
    };
    expect(rowsOf(readingOf(works('nftables'), readings))).toEqual([[web, served]]);
  });

  it('that do something else make unknown what both act on, and what only they serve', () => {
    const readings = {
      ...absent,
      nftables: read('nftables', [web, served]),
      iptables: read('iptables', [web, stale], [cart, stale]),
    };
    expect(rowsOf(readingOf(works('nftables'), readings))).toEqual([
      [web, undecided],
      [cart, undecided],
    ]);
  });

  it('differ for some origins only where they do', () => {
    const other = { ...served, outside: rejected };
    const readings = { ...absent, iptables: read('iptables', [web, served]), nftables: read('nftables', [web, other]) };
    expect(rowsOf(readingOf(works('iptables'), readings))).toEqual([
      [web, { ...served, outside: unreadable('order-not-visible') }],
    ]);
  });

  it('in IPVS get what no NAT has taken: it comes last', () => {
    const readings = {
      ...absent,
      iptables: read('iptables', [web, served]),
      ipvs: read('ipvs', [web, stale], [cart, { ...stale, outside: untaken }]),
    };
    expect(rowsOf(readingOf(works('iptables'), readings))).toEqual([
      [web, served],
      [cart, { ...stale, outside: untaken }],
    ]);
  });
});
