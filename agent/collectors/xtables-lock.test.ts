import { describe, expect, it } from 'vitest';
import { scriptedHost } from '../scripted-host.ts';
import type { Host } from '../host.ts';
import { KernelReader } from './kernel-settings.ts';
import { findLock, XtablesLockReader } from './xtables-lock.ts';

/** As Linux 6.18 prints them. */
const locks = [
  '1: POSIX  ADVISORY  WRITE 811 fe:01:262221 0 EOF',
  '2: FLOCK  ADVISORY  WRITE 4711 fe:01:1345 0 EOF',
  '3: FLOCK  ADVISORY  WRITE 4242 00:19:1345 0 EOF',
  '3: -> FLOCK  ADVISORY  WRITE 4250 00:19:1345 0 EOF',
  '3: -> FLOCK  ADVISORY  WRITE 4251 00:19:1345 0 EOF',
  '',
].join('\n');
const lockFile = { device: '00:19', inode: '1345' };

const processes = {
  '/proc/4242/comm': 'iptables\n',
  '/proc/4242/status':
    'Name:\tiptables\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t4242\nNgid:\t0\nPid:\t4242\nPPid:\t4200\n',
  '/proc/4200/comm': 'fail2ban-server\n',
};

/** A node with these locks, in which the lock's file is the one above. */
function hostWith(files: Record<string, string>): Host {
  return { ...scriptedHost({ files }), identify: async (path) => (path === '/run/xtables.lock' ? lockFile : null) };
}

describe('the lock of the xtables tools', () => {
  it('is held by the process that /proc/locks names with its file, and others wait', () => {
    expect(findLock(locks, lockFile)).toEqual({ pid: 4242, waiting: 2 });
  });

  it('is not what another file of the same number on another device is', () => {
    expect(findLock(locks, { device: 'fe:02', inode: '1345' })).toBeNull();
    expect(findLock('', lockFile)).toBeNull();
  });

  it('is told with the program, who started it, and how long readings have seen it', async () => {
    const files: Record<string, string> = { ...processes, '/proc/locks': locks };
    let seconds = 100;
    const reader = new XtablesLockReader(hostWith(files), () => 1000 * seconds);
    const holder = { pid: 4242, program: 'iptables', parent: 'fail2ban-server', waiting: 2 };
    expect(await reader.read()).toEqual({ ...holder, heldSeconds: 0 });
    seconds = 135;
    expect(await reader.read()).toEqual({ ...holder, heldSeconds: 35 });
    files['/proc/locks'] = '';
    expect(await reader.read()).toBeNull();
    files['/proc/locks'] = locks;
    seconds = 140;
    expect(await reader.read()).toEqual({ ...holder, heldSeconds: 0 });
  });

  it('is held by nobody that can be told of where the process has ended, or the file is out of sight', async () => {
    expect(await new XtablesLockReader(hostWith({ '/proc/locks': locks }), () => 0).read()).toBeNull();
    const blind = scriptedHost({ files: { ...processes, '/proc/locks': locks } });
    expect(await new XtablesLockReader(blind, () => 0).read()).toBeNull();
  });
});

describe('settings of the kernel', () => {
  const clock = { now: () => new Date('2026-11-22T10:00:00Z'), monotonicMs: () => 0 };
  const path = '/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal';
  const collect = (files: Record<string, string>) => new KernelReader(hostWith(files), clock).read();

  it.each([
    ['0\n', false],
    ['1\n', true],
  ])('whether connection tracking takes packets of TCP out of order: %j', async (text, conntrackTcpBeLiberal) => {
    expect(await collect({ [path]: text })).toEqual({
      state: 'ok',
      value: { conntrackTcpBeLiberal, xtablesLock: null },
      collectedAt: '2026-11-22T10:00:00.000Z',
    });
  });

  it('are absent where there is nothing of them', async () => {
    expect(await collect({})).toEqual({ state: 'absent' });
    expect(await collect({ [path]: 'yes\n' })).toEqual({ state: 'absent' });
  });
});
