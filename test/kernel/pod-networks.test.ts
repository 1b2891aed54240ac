/**
 * Pods' networks as an agent of the chart sees them: in process and mount namespaces of its own, user 0 without a single
 * capability, the node's /proc mounted elsewhere.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Part, PodNetworksReport } from '../../proto/parts.ts';
import { until } from '../e2e/until.ts';
import { makeNamespace, mustRunIn, removeAbandoned, removeNamespace, whyNotHere } from './namespaces.ts';
import { enterCgroup, removeAbandonedCgroups, removeCgroups } from './pod-cgroups.ts';

const uids = [0, 1, 2, 3].map((at) => `0b8e1d4e-7f0e-4c0e-9d8e-00000000000${at}`);
const [bridged = '', calico = '', host = '', browser = ''] = uids;
const pause = 'a'.repeat(64);
const main = 'b'.repeat(64);
const proc = mkdtempSync(join(tmpdir(), 'plumbline-proc-'));
const script = join(import.meta.dirname, 'tell-pod-networks.ts');

let namespaces: readonly string[] = [];
const children: ChildProcess[] = [];

/** Starts a process of a pod. @param prefix what it is started by. */
async function startIn(uid: string, container: string, prefix: readonly string[]): Promise<ChildProcess> {
  const [program = 'sleep', ...args] = [...prefix, 'sleep', '600'];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], { stdio: 'ignore' });
  children.push(child);
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} has no process`);
  await until({
    what: `${program} to sleep`,
    seconds: 10,
    look: () => spawnSync('ps', ['-o', 'comm=', '-p', `${pid}`], { encoding: 'utf8' }).stdout.trim(),
    met: (name) => name === 'sleep',
  });
  enterCgroup(pid, uid, container);
  return child;
}

beforeAll(async () => {
  const obstacle = whyNotHere(['setpriv', 'unshare', 'mount', 'ps']);
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandoned();
  removeAbandonedCgroups();
  namespaces = ['pod-a', 'pod-b'].map(makeNamespace);
  const [one = '', two = ''] = namespaces;
  const lines = [
    ['link add eth0 type veth peer name eth0 netns', two].join(' '),
    'addr add 10.244.1.2/24 dev eth0',
    '-6 addr add fd00:10:244:1::2/64 dev eth0 nodad',
    'link set eth0 up',
  ];
  for (const line of lines) mustRunIn(one, 'ip', line.split(' '));
  for (const line of [
    'addr add 192.168.8.19/32 dev eth0',
    'link set eth0 up',
    'route add 169.254.1.1 dev eth0 scope link',
    'route add default via 169.254.1.1 dev eth0',
  ]) {
    mustRunIn(two, 'ip', line.split(' '));
  }
  mustRunIn(one, 'ip', ['route', 'add', 'default', 'via', '10.244.1.1']);
  mustRunIn(one, 'ip', ['-6', 'route', 'add', 'default', 'via', 'fd00:10:244:1::1']);
  await startIn(bridged, pause, ['ip', 'netns', 'exec', one]);
  await startIn(bridged, main, ['ip', 'netns', 'exec', one]);
  await startIn(calico, pause, ['ip', 'netns', 'exec', two]);
  await startIn(host, pause, []);
  await startIn(browser, pause, ['ip', 'netns', 'exec', one]);
  // It shows a page of somebody else in a network without anything.
  await startIn(browser, pause, ['unshare', '--net']);
});

afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  for (const uid of uids) removeCgroups(uid);
  for (const name of namespaces) removeNamespace(name);
  rmSync(proc, { recursive: true, force: true });
});

/** What an agent tells in a container. @param mount whether it has the node's /proc. */
function toldInContainer(mount: boolean): Part<PodNetworksReport> {
  const asAgent = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', '--'];
  const inContainer = ['unshare', '--pid', '--fork', '--mount-proc', ...asAgent, process.execPath, script];
  const bind = mount ? `mount --rbind -o ro /proc ${proc} && ` : '';
  const line = `${bind}exec ${[...inContainer, ...(mount ? [proc] : [])].join(' ')}`;
  const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', line], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** The pods of this test; other tests of this machine may have some too. */
function podsIn(part: Part<PodNetworksReport>) {
  if (part.state !== 'ok') throw new Error(JSON.stringify(part));
  return new Map(part.value.pods.first.map(({ uid, ...network }) => [uid, network]));
}

const onBridge = {
  pod: null,
  namespace: 'own',
  links: [{ name: 'eth0', index: expect.any(Number) }],
  addresses: [
    { link: 'eth0', address: '10.244.1.2', prefixLength: 24 },
    { link: 'eth0', address: 'fd00:10:244:1::2', prefixLength: 64 },
  ],
  defaultRoutes: [
    { family: 'ipv4', link: 'eth0', gateway: '10.244.1.1', isDead: false },
    { family: 'ipv6', link: 'eth0', gateway: 'fd00:10:244:1::1', isDead: false },
  ],
};

it('pods are seen by an agent without capabilities, each with the network of its oldest process', () => {
  const pods = podsIn(toldInContainer(true));
  expect(pods.get(bridged)).toEqual({ ...onBridge, containers: [pause, main] });
  expect(pods.get(browser)).toEqual({ ...onBridge, containers: [pause] });
  expect(pods.get(calico)).toEqual({
    pod: null,
    containers: [pause],
    namespace: 'own',
    links: [{ name: 'eth0', index: expect.any(Number) }],
    addresses: [{ link: 'eth0', address: '192.168.8.19', prefixLength: 32 }],
    defaultRoutes: [{ family: 'ipv4', link: 'eth0', gateway: '169.254.1.1', isDead: false }],
  });
  const none = { links: [], addresses: [], defaultRoutes: [] };
  expect(pods.get(host)).toEqual({ pod: null, containers: [pause], namespace: 'node', ...none });
});

it("an agent that has only its container's own /proc says nothing of pods", () => {
  expect(toldInContainer(false)).toEqual({ state: 'absent' });
});

it('a pod that has lost its address and its way out is seen so', () => {
  const [, two = ''] = namespaces;
  mustRunIn(two, 'ip', ['addr', 'flush', 'dev', 'eth0', 'scope', 'global']);
  mustRunIn(two, 'ip', ['route', 'flush', 'dev', 'eth0']);
  expect(podsIn(toldInContainer(true)).get(calico)).toMatchObject({ addresses: [], defaultRoutes: [] });
});

it('a pod whose processes have ended is not there any more', async () => {
  const gone = children[3];
  gone?.kill('SIGKILL');
  if (gone !== undefined) await once(gone, 'exit');
  expect(podsIn(toldInContainer(true)).has(host)).toBe(false);
});
