import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { recordingFolder } from '../test/recordings.ts';
import { unpackBundle, unpackBundleSync } from './bundle-archive.ts';

interface Entry {
  readonly name: string;
  readonly content?: string;
  /** tar's type flag: '0' file, '5' folder, '2' symbolic link, 'x' pax records, 'L' GNU long name. */
  readonly type?: string;
  readonly size?: string;
}

/** One header and its content, as POSIX ustar. */
function block({ name, content = '', type = '0', size }: Entry): Buffer {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write('0000644\0', 100);
  header.write(size ?? `${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  header.write('        ', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

function tar(...entries: readonly Entry[]): Buffer {
  return Buffer.concat([...entries.map(block), Buffer.alloc(1024)]);
}

const place = mkdtempSync(join(tmpdir(), 'plumbline-archive-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));
let count = 0;

function written(bytes: Buffer): { readonly archive: string; readonly into: string } {
  count += 1;
  const archive = join(place, `${count}.tar.gz`);
  writeFileSync(archive, bytes);
  return { archive, into: join(place, `${count}`) };
}

/** What lies in a folder: each file's path and text. */
function contentOf(folder: string): Readonly<Record<string, string>> {
  const files = globSync('**/*', { cwd: folder }).filter((path) => statSync(join(folder, path)).isFile());
  return Object.fromEntries(files.sort().map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
}

describe('a sound archive', () => {
  const long = `bundle/${'deep/'.repeat(40)}file.txt`;
  const entries: readonly Entry[] = [
    { name: './bundle/', type: '5' },
    { name: './bundle/api/services.json', content: '{}' },
    { name: './bundle/node-a/empty.txt' },
    { name: 'pax_global_header', type: 'g', content: '13 comment=x\n' },
    { name: 'short', type: 'x', content: `${String(`000 path=${long}\n`.length).padStart(3, '0')} path=${long}\n` },
    { name: 'short', content: 'named by pax' },
    { name: '././@LongLink', type: 'L', content: `${long}.gnu\0` },
    { name: 'short', content: 'x'.repeat(100_000) },
  ];
  const content = {
    'api/services.json': '{}',
    [long.replace('bundle/', '')]: 'named by pax',
    [`${long.replace('bundle/', '')}.gnu`]: 'x'.repeat(100_000),
    'node-a/empty.txt': '',
  };

  it('is unpacked byte for byte, and its one folder is the bundle', async () => {
    const { archive, into } = written(gzipSync(tar(...entries)));
    const result = await unpackBundle(archive, into);
    expect(result).toEqual({ ok: true, folder: join(into, 'bundle'), files: 4, bytes: 100_014 });
    expect(contentOf(join(into, 'bundle'))).toEqual(content);
  });

  it('gives the same at once as in a stream', () => {
    const { archive, into } = written(gzipSync(tar(...entries)));
    expect(unpackBundleSync(archive, into)).toEqual({
      ok: true,
      folder: join(into, 'bundle'),
      files: 4,
      bytes: 100_014,
    });
    expect(contentOf(join(into, 'bundle'))).toEqual(content);
  });

  it('packed without a folder around it is the bundle itself', () => {
    const { archive, into } = written(
      gzipSync(tar({ name: 'api/services.json', content: '{}' }, { name: 'node-a/sysctl.txt', content: 'a' })),
    );
    expect(unpackBundleSync(archive, into)).toEqual({ ok: true, folder: into, files: 2, bytes: 3 });
  });

  it('of a recorded cluster holds every file the recording has', () => {
    expect(
      globSync('**/*', { cwd: recordingFolder('s1-healthy'), withFileTypes: true }).filter((each) => each.isFile()),
    ).toHaveLength(101);
  });
});

describe('a hostile archive', () => {
  it.each(['/etc/cron.d/plumbline', '../outside.txt', 'bundle/../../outside.txt', 'bundle/..'])(
    'that names %s writes nothing there',
    async (name) => {
      const { archive, into } = written(gzipSync(tar({ name, content: 'x' })));
      expect(await unpackBundle(archive, into)).toEqual({
        ok: false,
        kind: 'escapes',
        message: `${archive} holds "${name}", which leads out of the bundle`,
      });
      expect(existsSync(join(into, '../outside.txt'))).toBe(false);
      expect(existsSync(into)).toBe(false);
    },
  );

  it('that escapes through a pax record is refused', () => {
    const { archive, into } = written(
      gzipSync(tar({ name: 'x', type: 'x', content: '17 path=../up.txt' }, { name: 'fine', content: 'x' })),
    );
    expect(unpackBundleSync(archive, into)).toMatchObject({ ok: false, kind: 'escapes' });
  });

  it.each([
    ['a symbolic link', '2'],
    ['a hard link', '1'],
    ['a device', '3'],
    ['a pipe', '6'],
  ])('with %s is refused', (_, type) => {
    const { archive, into } = written(gzipSync(tar({ name: 'bundle/way-out', type })));
    expect(unpackBundleSync(archive, into)).toEqual({
      ok: false,
      kind: 'not-a-file',
      message: `${archive} holds "bundle/way-out", which is a link, device or other special file`,
    });
  });

  it('with the same file twice is refused', () => {
    const { archive, into } = written(gzipSync(tar({ name: 'a', content: '1' }, { name: 'a', content: '2' })));
    expect(unpackBundleSync(archive, into)).toMatchObject({ ok: false, kind: 'not-writable' });
    expect(contentOf(into)).toEqual({ a: '1' });
  });

  it('that unpacks to more bytes than allowed is stopped before they are written', async () => {
    const { archive, into } = written(gzipSync(tar({ name: 'zeros', content: '0'.repeat(2_000_000) })));
    expect(await unpackBundle(archive, into, { maxEntries: 10, maxBytes: 1_000_000 })).toEqual({
      ok: false,
      kind: 'too-big',
      message: `${archive} unpacks to more than 1000000 bytes`,
    });
    expect(existsSync(into)).toBe(false);
  });

  it('that holds more files than allowed is stopped', () => {
    const many = Array.from({ length: 11 }, (_, at) => ({ name: `${at}.txt` }));
    const { archive, into } = written(gzipSync(tar(...many)));
    expect(unpackBundleSync(archive, into, { maxEntries: 10, maxBytes: 1_000_000 })).toEqual({
      ok: false,
      kind: 'too-big',
      message: `${archive} holds more than 10 files`,
    });
  });

  it('that claims a name of gigabytes is refused before it is read', () => {
    const { archive, into } = written(gzipSync(tar({ name: 'x', type: 'L', size: '77777777777\0' })));
    expect(unpackBundleSync(archive, into)).toMatchObject({ ok: false, kind: 'too-big' });
  });

  it('that claims a size in another form than octal is refused', () => {
    const { archive, into } = written(gzipSync(tar({ name: 'x', size: '\xff\xff\xff\xff' })));
    expect(unpackBundleSync(archive, into)).toMatchObject({ ok: false, kind: 'not-tar' });
  });
});

describe('a damaged archive', () => {
  const whole = gzipSync(tar({ name: 'bundle/a.txt', content: 'abc'.repeat(10_000) }));

  it('cut at any place is told from a whole one', async () => {
    for (let length = 0; length < whole.length; length += 1) {
      const { archive, into } = written(whole.subarray(0, length));
      const message = `${archive} ends too early: copy or record it again`;
      expect([length, await unpackBundle(archive, into)]).toEqual([length, { ok: false, kind: 'cut', message }]);
    }
  });

  it('whose tar ends without an end mark is cut', () => {
    const { archive, into } = written(gzipSync(tar({ name: 'a', content: 'abc' }).subarray(0, 1024)));
    expect(unpackBundleSync(archive, into)).toEqual({
      ok: false,
      kind: 'cut',
      message: `${archive} ends too early: copy or record it again`,
    });
  });

  it('with a wrong checksum in a header is no tar', () => {
    const bytes = tar({ name: 'a', content: 'abc' });
    bytes.write('b', 0);
    const { archive, into } = written(gzipSync(bytes));
    expect(unpackBundleSync(archive, into)).toMatchObject({ ok: false, kind: 'not-tar' });
  });

  it('that is no gzip is called so', async () => {
    const { archive, into } = written(Buffer.from('<html>not found</html>'));
    expect(await unpackBundle(archive, into)).toEqual({
      ok: false,
      kind: 'not-gzip',
      message: `${archive} is no sound .tar.gz: incorrect header check`,
    });
  });

  it('that does not exist is unreadable', async () => {
    const archive = join(place, 'none.tar.gz');
    expect(await unpackBundle(archive, join(place, 'none'))).toMatchObject({ ok: false, kind: 'unreadable' });
    expect(unpackBundleSync(archive, join(place, 'none'))).toMatchObject({ ok: false, kind: 'unreadable' });
  });
});
