import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordingFolder } from '../../test/recordings.ts';
import { readApiFolder } from './api-folder.ts';

const attempted = 'audit ./bundle';
let folder = '';

/** The lists of recording s1-healthy, to be changed by the test. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumbline-test-'));
  cpSync(join(recordingFolder('s1-healthy'), 'api'), folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

function counts() {
  const read = readApiFolder(folder, attempted);
  if (!read.ok) throw new Error(read.refusal.cameBack);
  const { services, endpointSlices, nodes, pods, namespaces } = read.value;
  return [services, endpointSlices, nodes, pods, namespaces].map((objects) => objects?.length ?? null);
}

/** The refusal's words, without the folder. */
function refusal(): string {
  const read = readApiFolder(folder, attempted);
  if (read.ok) throw new Error('a refusal was expected');
  return read.refusal.cameBack.replaceAll(folder, 'api');
}

describe('a folder of API lists', () => {
  it('holds what the API server listed, pods and namespaces too', () => {
    expect(counts()).toEqual([36, 37, 3, 29, 10]);
  });

  it('may hold each of them packed', () => {
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
      writeFileSync(join(folder, `${file}.gz`), gzipSync(readFileSync(join(folder, file))));
      rmSync(join(folder, file));
    }
    expect(counts()).toEqual([36, 37, 3, 29, 10]);
  });
});

describe.each(['pods', 'namespaces'])('a list of %s', (kind) => {
  const file = () => join(folder, `${kind}.json`);

  it('that is not there makes them unknown, which is not none', () => {
    rmSync(file());
    expect(counts()).toEqual([36, 37, 3, kind === 'pods' ? null : 29, kind === 'namespaces' ? null : 10]);
  });

  it('that is there and empty says that there are none', () => {
    writeFileSync(file(), JSON.stringify({ kind: 'List', apiVersion: 'v1', items: [] }));
    expect(counts()).toEqual([36, 37, 3, kind === 'pods' ? 0 : 29, kind === 'namespaces' ? 0 : 10]);
  });

  it('that is cut is refused, never taken for fewer', () => {
    const text = readFileSync(file(), 'utf8');
    writeFileSync(file(), text.slice(0, text.length / 2));
    expect(refusal()).toMatch(new RegExp(`^api/${kind}\\.json: is no JSON: `));
  });

  it('that is another kind of answer is refused', () => {
    writeFileSync(file(), JSON.stringify({ kind: 'Status', status: 'Failure', code: 403 }));
    expect(refusal()).toMatch(/^api: /);
  });
});

describe.each(['services', 'endpointslices', 'nodes'])('a list of %s', (kind) => {
  it('that is not there is refused: nothing can be held against it', () => {
    rmSync(join(folder, `${kind}.json`));
    expect(refusal()).toBe(`api/${kind}.json: no such file or directory`);
  });
});
