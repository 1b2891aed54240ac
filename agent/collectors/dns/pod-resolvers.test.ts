import { describe, expect, it } from 'vitest';
import { address } from '../../../test/builders.ts';
import type { ListResult } from '../../host.ts';
import { type Script, scriptedHost } from '../../scripted-host.ts';
import { readPodResolvers } from './pod-resolvers.ts';

const uids = ['0b8e1d4e-7f0e-4c0e-9d8e-2f6a1b3c4d5e', '1c9f2e5f-801f-4d1f-8e9f-3a7b2c4d5e6f'];
const cgroup = (uid: number, container: string) =>
  `0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${uids[uid]?.replaceAll('-', '_')}.slice/cri-containerd-${container.repeat(64)}.scope\n`;
const folder = (...names: readonly string[]): ListResult => ({
  ok: true,
  entries: names.map((name) => ({ name, kind: 'folder' })),
});
const refused = (path: string) =>
  ({
    ok: false,
    kind: 'not-permitted',
    message: `${path} could not be read: EACCES: permission denied`,
  }) as const;
const text = 'search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n';
const settings = {
  nameservers: [address('10.96.0.10')],
  search: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
  ndots: 5,
  options: [],
};

/** The node's init, and what is given. */
function read({ files = {}, folders = {} }: Pick<Script, 'files' | 'folders'>, ...pids: readonly string[]) {
  const all = { '/proc': folder('1', ...pids, 'self', 'meminfo'), ...folders };
  return readPodResolvers(scriptedHost({ files: { '/proc/1/cgroup': '0::/init.scope\n', ...files }, folders: all }));
}

describe('the resolv.conf that pods see', () => {
  it('is that of the newest process of each, which is of a container', async () => {
    const files = {
      '/proc/200/cgroup': cgroup(0, 'a'),
      '/proc/200/stat': `200 (pause) S ${'0 '.repeat(18)}100 0`,
      '/proc/300/cgroup': cgroup(0, 'b'),
      '/proc/300/stat': `300 (nginx) S ${'0 '.repeat(18)}900 0`,
      '/proc/300/root/etc/resolv.conf': text,
    };
    expect(await read({ files }, '200', '300')).toEqual({
      pods: { total: 1, first: [{ uid: uids[0], settings }] },
      podsUnread: 0,
      podsUnreadBecause: null,
    });
  });

  it('is counted where it is refused, and told of the others', async () => {
    const files = {
      '/proc/200/cgroup': cgroup(0, 'a'),
      '/proc/200/root/etc/resolv.conf': refused('/proc/200/root/etc/resolv.conf'),
      '/proc/300/cgroup': cgroup(1, 'b'),
      '/proc/300/root/etc/resolv.conf': text,
    };
    expect(await read({ files }, '200', '300')).toEqual({
      pods: { total: 1, first: [{ uid: uids[1], settings }] },
      podsUnread: 1,
      podsUnreadBecause: '/proc/200/root/etc/resolv.conf could not be read: EACCES: permission denied',
    });
  });

  it("is not looked for where the pod's /etc is a link, which may lead to the agent's own", async () => {
    const link = '/proc/200/root/etc is a symbolic link, which is not followed';
    const files = { '/proc/200/cgroup': cgroup(0, 'a'), '/proc/200/root/etc/resolv.conf': text };
    const folders: Script['folders'] = { '/proc/200/root/etc': { ok: false, kind: 'failed', message: link } };
    expect(await read({ files, folders }, '200')).toEqual({
      pods: { total: 0, first: [] },
      podsUnread: 1,
      podsUnreadBecause: link,
    });
  });

  it('is not known of a pod whose processes ended meanwhile', async () => {
    expect(await read({ files: { '/proc/200/cgroup': cgroup(0, 'a') } }, '200')).toEqual({
      pods: { total: 0, first: [] },
      podsUnread: 1,
      podsUnreadBecause: 'its processes ended while they were looked at',
    });
  });

  it('is nothing where there is no pod, or no process is seen', async () => {
    const none = { pods: { total: 0, first: [] }, podsUnread: 0, podsUnreadBecause: null };
    expect(await read({})).toEqual(none);
    expect(await readPodResolvers(scriptedHost({}))).toEqual(none);
    const folders: Script['folders'] = { '/proc': refused('/proc') };
    expect(await readPodResolvers(scriptedHost({ folders }))).toEqual({
      ...none,
      podsUnreadBecause: refused('/proc').message,
    });
  });
});
