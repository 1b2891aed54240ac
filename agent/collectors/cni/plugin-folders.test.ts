import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Host, localHost } from '../../host.ts';
import { listExecutables } from '../../host-files.ts';
import { recordedHost } from '../../recorded-host.ts';
import { scriptedHost } from '../../scripted-host.ts';
import { readPluginFolders } from './plugin-folders.ts';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-plugins-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function hostBelow(root: string): Host {
  return { ...localHost(), executables: (path, maxNames) => listExecutables(root + path, maxNames) };
}

describe('the plugins of a node', () => {
  it('are the files that can be run, links to such included', async () => {
    const root = mkdtempSync(join(folder, 'root-'));
    const place = join(root, 'opt/cni/bin');
    mkdirSync(join(place, 'sub'), { recursive: true });
    for (const [name, mode] of [
      ['ptp', 0o755],
      ['bridge', 0o100],
      ['README.md', 0o644],
    ] as const) {
      writeFileSync(join(place, name), '');
      chmodSync(join(place, name), mode);
    }
    symlinkSync('ptp', join(place, 'calico'));
    symlinkSync('nowhere', join(place, 'flannel'));
    mkdirSync(join(root, 'usr/lib/cni'), { recursive: true });
    expect(await readPluginFolders(hostBelow(root))).toEqual({
      ok: true,
      value: [
        { path: '/opt/cni/bin', executables: ['bridge', 'calico', 'ptp'] },
        { path: '/usr/lib/cni', executables: [] },
      ],
    });
  });

  it('are none where no folder is shown, and where a recording has none', async () => {
    const none = { ok: true, value: [] };
    expect(await readPluginFolders(hostBelow(mkdtempSync(join(folder, 'root-'))))).toEqual(none);
    expect(await readPluginFolders(scriptedHost({}))).toEqual(none);
    expect(await readPluginFolders(recordedHost(folder))).toEqual(none);
  });

  it('of a recording are those of its list', async () => {
    const place = mkdtempSync(join(folder, 'recorded-'));
    writeFileSync(join(place, 'cni-plugins.json'), '{"/opt/cni/bin":["ptp","bridge",7],"/usr/lib/cni":"x"}');
    expect(await readPluginFolders(recordedHost(place))).toEqual({
      ok: true,
      value: [{ path: '/opt/cni/bin', executables: ['bridge', 'ptp'] }],
    });
  });

  it('are not told where a folder is refused: the others would look like all', async () => {
    const message = '/opt/cni/bin could not be read: EACCES';
    const host: Host = {
      ...scriptedHost({}),
      executables: async () => ({ ok: false, kind: 'not-permitted', message }),
    };
    expect(await readPluginFolders(host)).toEqual({ ok: false, reason: message });
  });
});
