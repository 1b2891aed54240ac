import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { localHost } from './host.ts';
import { listFolder, readFile, readKernelFiles } from './host-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-files-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a folder', () => {
  it('has its names sorted by their bytes, and what each is', async () => {
    const path = join(folder, 'mixed');
    mkdirSync(join(path, 'sub'), { recursive: true });
    for (const name of ['b.conf', 'B.conf', '10-a.conf', 'é.conf']) writeFileSync(join(path, name), '');
    symlinkSync('/etc/shadow', join(path, '00-link.conf'));
    expect(await listFolder(path, 100)).toEqual({
      ok: true,
      entries: [
        { name: '00-link.conf', kind: 'link' },
        { name: '10-a.conf', kind: 'file' },
        { name: 'B.conf', kind: 'file' },
        { name: 'b.conf', kind: 'file' },
        { name: 'sub', kind: 'folder' },
        { name: 'é.conf', kind: 'file' },
      ],
    });
  });

  it('with more names than allowed is too long, with just as many is not', async () => {
    const path = join(folder, 'full');
    mkdirSync(path);
    for (const name of ['a', 'b', 'c']) writeFileSync(join(path, name), '');
    expect(await listFolder(path, 3)).toMatchObject({ ok: true });
    const message = `${path} holds more than 2 names`;
    expect(await listFolder(path, 2)).toEqual({ ok: false, kind: 'too-long', message });
  });

  it('that does not exist is absent, one that is a file has failed', async () => {
    const none = join(folder, 'none');
    const message = `${none} does not exist`;
    expect(await listFolder(none, 1)).toEqual({ ok: false, kind: 'absent', message });
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(await listFolder(file, 1)).toMatchObject({ ok: false, kind: 'failed' });
  });

  it('that is a symbolic link is not followed', async () => {
    const link = join(folder, 'to-etc');
    symlinkSync('/etc', link);
    const message = `${link} is a symbolic link, which is not followed`;
    expect(await listFolder(link, 1)).toEqual({ ok: false, kind: 'failed', message });
  });

  it('is listed by this machine, and not by one of its network namespaces', async () => {
    expect(await localHost().list?.(join(folder, 'sub-none'), 1)).toMatchObject({ ok: false, kind: 'absent' });
    expect(localHost({ netns: 'lab' }).list).toBeUndefined();
  });
});

describe('a file', () => {
  it('that is a symbolic link is not followed', async () => {
    const link = join(folder, 'to-shadow');
    symlinkSync('/etc/shadow', link);
    const message = `${link} is a symbolic link, which is not followed`;
    expect(await readFile(link, 1000)).toEqual({ ok: false, kind: 'failed', message });
  });

  it('that is a device is not read', async () => {
    const message = '/dev/zero is no regular file';
    expect(await readFile('/dev/zero', 1000)).toEqual({ ok: false, kind: 'failed', message });
  });
});

describe('many files at once', () => {
  it('are each read as one is', async () => {
    const place = join(folder, 'many');
    mkdirSync(place);
    writeFileSync(join(place, 'short'), 'abc');
    writeFileSync(join(place, 'long'), 'x'.repeat(200_000));
    symlinkSync('short', join(place, 'link'));
    const paths = ['short', 'none', 'long', 'link', ''].map((name) => join(place, name));
    expect(await readKernelFiles(paths, 100_000)).toEqual([
      { ok: true, bytes: Buffer.from('abc') },
      { ok: false, kind: 'absent', message: `${place}/none does not exist` },
      { ok: false, kind: 'too-long', message: `${place}/long is longer than 100000 bytes` },
      { ok: false, kind: 'failed', message: `${place}/link is a symbolic link, which is not followed` },
      { ok: false, kind: 'failed', message: expect.stringContaining('EISDIR') },
    ]);
    const [own] = await readKernelFiles(['/proc/self/cgroup'], 100_000);
    expect(own).toEqual(await readFile('/proc/self/cgroup', 100_000));
  });
});

describe("the node's processes", () => {
  const place = join(folder, 'proc');
  mkdirSync(join(place, '12/net'), { recursive: true });
  for (const [name, text] of Object.entries({
    '12/cgroup': '0::/x',
    '12/net/dev': 'lo',
    locks: '1: FLOCK',
    cpuinfo: '',
  })) {
    writeFileSync(join(place, name), text);
  }
  const host = localHost({ processFolder: place });

  it('are those of another /proc where one is given', async () => {
    expect(await host.list?.('/proc', 10)).toMatchObject({ ok: true, entries: [{ name: '12' }, {}, {}] });
    expect(await host.read('/proc/12/cgroup', 100)).toEqual({ ok: true, bytes: Buffer.from('0::/x') });
    expect(await host.read('/proc/locks', 100)).toEqual({ ok: true, bytes: Buffer.from('1: FLOCK') });
    expect(await host.readOfProcesses?.(['/proc/12/net/dev', '/proc/13/net/dev'], 100)).toEqual([
      { ok: true, bytes: Buffer.from('lo') },
      { ok: false, kind: 'absent', message: `${place}/13/net/dev does not exist` },
    ]);
  });

  it("leave all else of /proc this container's own", async () => {
    expect(await host.read('/proc/cpuinfo', 1_000_000)).not.toEqual({ ok: true, bytes: Buffer.from('') });
  });

  it('have no files elsewhere', async () => {
    const read = host.readOfProcesses?.(['/proc/12/../../etc/shadow'], 100);
    await expect(read).rejects.toThrow('/proc/12/../../etc/shadow is no file of a process');
  });
});
