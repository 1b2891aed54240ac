import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { recordedTexts } from './recorded-objects.ts';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-objects-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('a file of many is read once, and again when another is put in its place', () => {
  const path = join(folder, 'var-lib-cni.json');
  writeFileSync(path, '{"a":"1"}');
  const first = recordedTexts(path);
  expect(recordedTexts(path)).toBe(first);
  writeFileSync(path, '{"a":"1","b":"2"}');
  expect([...first, ...recordedTexts(path)]).toEqual([
    ['a', '1'],
    ['a', '1'],
    ['b', '2'],
  ]);
});

it.each([
  ['cut', '{"a":"1"'],
  ['no object', '7'],
  ['an object of other things', '{"a":1,"b":{"c":"d"},"e":null}'],
])('one that is %s holds nothing', (what, text) => {
  const path = join(folder, `${what}.json`);
  writeFileSync(path, text);
  expect([...recordedTexts(path)]).toEqual([]);
});

it('one that was not recorded holds nothing', () => {
  expect([...recordedTexts(null)]).toEqual([]);
});
