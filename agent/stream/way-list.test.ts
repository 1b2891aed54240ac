import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WayList } from './way-list.ts';

let folder = '';
let file = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumbline-ways-'));
  file = join(folder, 'addresses');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const names = ['plumbline-aggregator.plumbline.svc:8443', 'plumbline-aggregator-headless.plumbline.svc:8443'];

function listOf(addresses: readonly string[] = names, isPlain = false): WayList {
  return new WayList({ addresses, addressesFile: file, isPlain });
}

describe('the ways to the aggregator', () => {
  it('are the Service, the name of its pods, and the pods of a file, in this order', () => {
    writeFileSync(file, '10.244.1.7:8443\n[fd00::7]:8443\n');
    expect(listOf().read()).toEqual([
      { address: names[0], kind: 'service' },
      { address: names[1], kind: 'headless' },
      { address: '10.244.1.7:8443', kind: 'pod' },
      { address: '[fd00::7]:8443', kind: 'pod' },
    ]);
  });

  it('are found anew when the file changes, and without it are those of the settings', () => {
    const list = listOf(['plumbline.example:8443']);
    expect(list.read().length).toBe(1);
    writeFileSync(file, '10.244.1.7:8443');
    expect(list.read().at(-1)).toEqual({ address: '10.244.1.7:8443', kind: 'pod' });
    writeFileSync(file, '10.244.2.9:8443');
    expect(list.read().map(({ address }) => address)).toEqual(['plumbline.example:8443', '10.244.2.9:8443']);
    rmSync(file);
    expect(list.read().length).toBe(1);
  });

  it('of this machine, and further ones, are no Service', () => {
    const list = listOf(['127.0.0.1:8443', 'unix:/run/plumbline/a.sock', 'plumbline.example:8443']);
    expect(list.read().map(({ kind }) => kind)).toEqual(['other', 'socket', 'other']);
  });

  it('are no lines that are no address: those are passed over and counted', () => {
    const bad = ['unix:/run/other.sock', '10.244.1.7', '10.244.1.8:0', 'a b:1', '\u001b[2J:1', 'http://10.0.0.1:80/'];
    writeFileSync(file, [...bad, '', '  10.244.1.9:8443  ', '\u00e9:1'].join('\n'));
    const list = listOf();
    expect([list.read().length, list.read().at(-1)?.address, list.badLines]).toEqual([3, '10.244.1.9:8443', 7]);
  });

  it('never leave the machine where nothing is encrypted, whatever the file says', () => {
    writeFileSync(file, '10.244.1.7:8443\n127.0.0.1:9443\n');
    const list = listOf(['127.0.0.1:8443'], true);
    expect(list.read().map(({ address }) => address)).toEqual(['127.0.0.1:8443', '127.0.0.1:9443']);
    expect(list.badLines).toBe(1);
  });

  it('are none twice, and sixteen at most', () => {
    writeFileSync(file, `${names[0]}\n${Array.from({ length: 40 }, (_, at) => `10.0.0.${at}:1`).join('\n')}`);
    const addresses = listOf()
      .read()
      .map(({ address }) => address);
    expect([addresses.length, new Set(addresses).size, addresses.at(-1)]).toEqual([16, 16, '10.0.0.13:1']);
  });
});
