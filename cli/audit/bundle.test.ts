import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordingNames } from '../../test/recordings.ts';
import { type BundlePlaces, openBundle } from './bundle.ts';

let top = '';

beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), 'plumbline-test-'));
  for (const file of [
    'whole/api/services.json',
    'whole/node-a/iptables-nft-save.txt',
    'whole/node-b/iptables-legacy-save.txt',
    'whole/watch/services.ndjson',
    'whole/facts.json',
    'packed-lists/api/services.json.gz',
    'packed-lists/node-a/iptables-nft-save-c-nat.txt.gz',
    'damage/node-a/iptables-nft-save.txt',
    'ip-10-0-0-1.example.internal/iptables-nft-save.txt',
    'no-nodes/api/services.json',
    'empty/readme.md',
  ]) {
    mkdirSync(dirname(join(top, file)), { recursive: true });
    writeFileSync(join(top, file), 'text\n');
  }
});
afterAll(() => rmSync(top, { recursive: true, force: true }));

/** What was found, its paths below the test's folder; or the refusal's words. */
async function found(places: { readonly [place in keyof BundlePlaces]?: string }) {
  const below = (place: string | undefined) => (place === undefined ? null : join(top, place));
  const bundle = await openBundle({
    bundle: join(top, places.bundle ?? ''),
    api: below(places.api),
    over: below(places.over),
  });
  if (!bundle.ok) return bundle.refusal.cameBack.replaceAll(`${top}/`, '');
  const shorten = (path: string | null) => path?.slice(top.length + 1) ?? null;
  const nodes = bundle.value.nodes.map(({ name, folder, under }) => [name, shorten(folder), shorten(under)]);
  return { api: shorten(bundle.value.apiFolder), nodes };
}

describe('a bundle', () => {
  it('with API lists and nodes holds the folders that commands printed into, and no other', async () => {
    expect(await found({ bundle: 'whole' })).toEqual({
      api: 'whole/api',
      nodes: [
        ['node-a', 'whole/node-a', null],
        ['node-b', 'whole/node-b', null],
      ],
    });
  });

  it('may be packed file by file', async () => {
    expect(await found({ bundle: 'packed-lists' })).toEqual({
      api: 'packed-lists/api',
      nodes: [['node-a', 'packed-lists/node-a', null]],
    });
  });

  it("that is one node's folder takes its lists from elsewhere and its name from the folder, dots included", async () => {
    const lists = { api: 'whole/api', nodes: [['ip-10-0-0-1.example.internal', 'ip-10-0-0-1.example.internal', null]] };
    expect(await found({ bundle: 'ip-10-0-0-1.example.internal', api: 'whole/api' })).toEqual(lists);
    expect(await found({ bundle: 'ip-10-0-0-1.example.internal', api: 'whole' })).toEqual(lists);
  });

  it('over another one has the nodes of both, and the lists of the lower where it has none', async () => {
    expect(await found({ bundle: 'damage', over: 'whole' })).toEqual({
      api: 'whole/api',
      nodes: [
        ['node-a', 'damage/node-a', 'whole/node-a'],
        ['node-b', 'whole/node-b', null],
      ],
    });
  });

  it("of one node over another's folder is that node", async () => {
    expect(await found({ bundle: 'damage/node-a', over: 'whole/node-b', api: 'whole' })).toEqual({
      api: 'whole/api',
      nodes: [['node-a', 'damage/node-a', 'whole/node-b']],
    });
  });

  it('without API lists is refused', async () => {
    expect(await found({ bundle: 'damage' })).toBe(
      'it holds no folder api/ with services.json, so nothing says what its nodes should do',
    );
    expect(await found({ bundle: 'whole', api: 'damage' })).toBe('damage holds no services.json');
  });

  it("without a node's folder is refused, with the folders that there are", async () => {
    expect(await found({ bundle: 'no-nodes' })).toBe("none of its folders is a node's: api");
    expect(await found({ bundle: 'empty' })).toBe('it holds no folder of a node');
  });

  it('that does not exist is refused', async () => {
    expect(await found({ bundle: 'nowhere' })).toBe('nowhere: no such file or directory');
  });

  it('that is neither a folder nor an archive is refused', async () => {
    expect(await found({ bundle: 'whole/facts.json' })).toBe(
      'whole/facts.json is no sound .tar.gz: incorrect header check',
    );
  });
});

describe('an archive', () => {
  it('is opened like a folder, and removed when closed', async () => {
    const archive = join(import.meta.dirname, '../../test/recordings/s5b-recovered-after-mixed.tar.gz');
    expect(recordingNames).toContain('s5b-recovered-after-mixed');
    const bundle = await openBundle({ bundle: archive, api: null, over: null });
    const nodes = bundle.ok ? bundle.value.nodes.map((node) => node.name) : bundle.refusal;
    if (bundle.ok) bundle.value.close();
    const again = await openBundle({ bundle: bundle.ok ? bundle.value.apiFolder : '', api: null, over: null });
    expect([nodes, again.ok]).toEqual([['node-b'], false]);
  });
});
