/**
 * Sandboxes of a real containerd: what the agent tells of them by the kernel and by CNI's files, what the runtime itself
 * tells where it is asked, and what is found when they are broken.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runtimeAt } from '../../agent/host-cri.ts';
import type { Host } from '../../agent/host.ts';
import { observe } from '../../agent/observe.ts';
import type { NodeParts, Part } from '../../proto/parts.ts';
import { type ContainerdLab, openContainerdLab } from './containerd-lab.ts';
import { outline } from './fault-findings.ts';
import { findingsBelowServices, type LabNode } from './judged-nodes.ts';
import { labHost } from './lab-host.ts';
import { mustRunIn, removeAbandoned } from './namespaces.ts';
import * as ofPod from './pod-faults.ts';
import type { LabPod } from './pod-node.ts';

let lab: ContainerdLab;
beforeAll(async () => {
  removeAbandoned();
  lab = await openContainerdLab('containerd');
});
afterAll(() => lab?.close());

/** With the collector turned on. */
function askingRuntime(node: LabNode): Host {
  return { ...labHost(node), sandboxes: runtimeAt(lab.socket) };
}

function reported<T>(part: Part<T>): T {
  if (part.state !== 'ok') throw new Error(part.state === 'failed' ? part.reason : 'absent');
  return part.value;
}

/** One pod's wiring. */
interface Wired {
  readonly pod: string;
  readonly uid: string;
  readonly sandbox: string;
  readonly veth: string;
  readonly address: string;
  /** Where its default route leads. */
  readonly gateway: string;
  readonly reserved: string;
}

/** What the kernel and the files of host-local say, looked at by hand. */
function wiredInTruth(pod: LabPod): Wired {
  const inPod = <T>(args: readonly string[]): T => JSON.parse(mustRunIn(pod.networkNamespace, 'ip', ['-j', ...args]));
  const [link] = inPod<readonly { link_index: number; addr_info: readonly { family: string; local: string }[] }[]>([
    'addr',
    'show',
    'dev',
    'eth0',
  ]);
  const [route] = inPod<readonly { gateway: string }[]>(['route', 'show', 'default']);
  const onNode: readonly { ifindex: number; ifname: string }[] = JSON.parse(
    mustRunIn(lab.node.namespace, 'ip', ['-j', 'link', 'show']),
  );
  const folder = join(lab.node.folders.cniState, 'networks/labnet');
  const reserved = readdirSync(folder).find((name) => readFileSync(join(folder, name), 'utf8').startsWith(pod.id));
  return {
    pod: `${pod.namespace}/${pod.name}`,
    uid: pod.uid,
    sandbox: pod.id,
    veth: onNode.find(({ ifindex }) => ifindex === link?.link_index)?.ifname ?? '',
    address: link?.addr_info.find(({ family }) => family === 'inet')?.local ?? '',
    gateway: route?.gateway ?? '',
    reserved: reserved ?? '',
  };
}

/** What the agent tells of this pod, without a word of the runtime. */
function wiredByKernel({ podNetworks, cni, links }: NodeParts, { uid }: LabPod): Wired {
  const network = reported(podNetworks).pods.first.find((pod) => pod.uid === uid);
  const [sandbox = ''] = network?.containers ?? [];
  const { results, reservations } = reported(cni);
  const result = results.first.find(({ container, link }) => container === sandbox && link === 'eth0');
  const peer = network?.links.find(({ name }) => name === 'eth0')?.index;
  const veth = reported(links).links.first.find(
    ({ name, kind, peerIndex }) => result?.nodeLinks.includes(name) && kind === 'veth' && peerIndex === peer,
  );
  return {
    pod: `${result?.pod?.namespace}/${result?.pod?.name}`,
    uid: result?.pod?.uid ?? '',
    sandbox,
    veth: veth?.name ?? '',
    address: network?.addresses.find(({ link }) => link === 'eth0')?.address ?? '',
    gateway: network?.defaultRoutes[0]?.gateway ?? '',
    reserved: reservations.first.find(({ container }) => container === sandbox)?.address ?? '',
  };
}

/** What a reading tells of the lab alone: processes are the whole machine's, and counts rise. */
function standing({ links, routes, addresses, networkSettings, cni }: NodeParts) {
  return [reported(links), reported(routes), reported(addresses), reported(networkSettings), reported(cni)];
}

describe('sandboxes that containerd has made', () => {
  it('are told as they are: pod, sandbox, veth, address, route and reservation', async () => {
    const { parts } = await observe(labHost(lab.node));
    const told = lab.node.pods.map((pod) => wiredByKernel(parts, pod));
    expect(told).toEqual(lab.node.pods.map(wiredInTruth));
    expect(told.map(({ pod, address, gateway }) => [pod, address, gateway])).toEqual([
      ['shop/web-1a', '10.244.1.2', '10.244.1.1'],
      ['shop/web-1b', '10.244.1.3', '10.244.1.1'],
    ]);
    expect(parts.sandboxes).toEqual({ state: 'absent' });
  });

  it('are told the same where the runtime is asked, which agrees', async () => {
    const [without, asked] = [await observe(labHost(lab.node)), await observe(askingRuntime(lab.node))];
    expect(standing(asked.parts)).toEqual(standing(without.parts));
    const { runtime, sandboxes: listed } = reported(asked.parts.sandboxes);
    expect(runtime).toMatch(/^containerd v?1\./);
    const results = reported(asked.parts.cni).results.first;
    const byKernel = lab.node.pods.map((pod) => {
      const { uid, sandbox: id, address } = wiredByKernel(asked.parts, pod);
      const kept = results.find(({ container, link }) => container === id && link === 'eth0');
      return {
        id,
        namespace: pod.namespace,
        name: pod.name,
        uid,
        attempt: 0,
        ready: true,
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        network: { of: 'pod', addresses: [address], networkNamespace: kept?.networkNamespace },
      };
    });
    expect(byKernel.map(({ network }) => network.networkNamespace)).toEqual([
      expect.stringMatching(/^cni-/),
      expect.stringMatching(/^cni-/),
    ]);
    expect(listed).toEqual({ total: 2, first: byKernel.toSorted((one, other) => (one.id < other.id ? -1 : 1)) });
  });

  it('may have the network of the node, by the kernel and by the runtime', async () => {
    const uid = await lab.addHostPod('host');
    const { parts } = await observe(askingRuntime(lab.node));
    const byRuntime = reported(parts.sandboxes).sandboxes.first.find((sandbox) => sandbox.uid === uid);
    const byKernel = reported(parts.podNetworks).pods.first.find((pod) => pod.uid === uid);
    expect([byRuntime?.network, byKernel?.namespace]).toEqual([{ of: 'node' }, 'node']);
  });

  it('stay listed when they have ended, without a network', async () => {
    const pod = await lab.node.addPod('ends');
    await lab.stop(pod);
    const { parts } = await observe(askingRuntime(lab.node));
    const told = reported(parts.sandboxes).sandboxes.first.find(({ id }) => id === pod.id);
    await lab.node.removePod(pod);
    expect([told?.name, told?.ready, told?.network]).toEqual(['ends', false, null]);
  });
});

describe('what is broken is found, whether the runtime is asked or not', () => {
  /** Both outlines; the second is of a host that asks the runtime. */
  async function judged(): Promise<readonly (readonly string[])[]> {
    const api = lab.writeApi();
    const hosts = [labHost, askingRuntime];
    const told: (readonly string[])[] = [];
    for (const hostOf of hosts) told.push(outline(await findingsBelowServices([lab.node], api, hostOf)));
    return told;
  }

  function podNamed(name: string): LabPod {
    const pod = lab.node.pods.find((one) => one.name === name);
    if (pod === undefined) throw new Error(`the lab has no pod ${name}`);
    return pod;
  }

  it('nothing, of what is well', async () => {
    expect(await judged()).toEqual([[], []]);
  });

  it("a pod's veth that is deleted; another sandbox mends it", async () => {
    const pod = podNamed('web-1a');
    ofPod.vethDeleted(lab.node, pod);
    const told = ['pod-address-mismatch node-1 shop/web-1a <- pod-unwired', 'pod-unwired node-1 shop/web-1a'];
    expect(await judged()).toEqual([told, told]);
    await lab.node.removePod(pod);
    await lab.node.addPod('web-1a');
    expect(await judged()).toEqual([[], []]);
  });

  it.each([
    ["a pod's address that is removed", ofPod.addressRemoved, 'pod-address-mismatch node-1 shop/web-1b'],
    ["a pod's default route that is removed", ofPod.defaultRouteRemoved, 'pod-default-route node-1 shop/web-1b'],
  ] as const)('%s', async (_, fault, told) => {
    const undo = fault(podNamed('web-1b'));
    const found = await judged();
    undo();
    expect([found, await judged()]).toEqual([
      [[told], [told]],
      [[], []],
    ]);
  });

  it('addresses that stay reserved for sandboxes which went with what the runtime knew', async () => {
    await lab.reinstall();
    await lab.node.addPod('web-1a');
    const told = ['ipam-leak node-1 node-1'];
    expect(await judged()).toEqual([told, told]);
  });
});
