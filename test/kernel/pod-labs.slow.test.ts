/** Nodes with pods of real CNI plugins: they reach each other, and each fault of the labs breaks what it says. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readApiFolder } from '../../cli/audit/api-folder.ts';
import * as cni from './cni-faults.ts';
import { sendTo } from './datagram.ts';
import type { PodLab } from './lab-nodes.ts';
import { both, type Case, endsOf, lookTwice, none, onlySmall, passages } from './lab-passages.ts';
import { mustRunIn, removeAbandoned, runIn } from './namespaces.ts';
import { runOnNode } from './node-folders.ts';
import * as ofNode from './node-faults.ts';
import * as ofPod from './pod-faults.ts';
import { openPodLab } from './pod-lab.ts';
import type { LabPod } from './pod-node.ts';
import { pathNarrowed } from './wire-faults.ts';

describe('two nodes with pods of the plugin bridge', () => {
  let lab: PodLab;
  beforeAll(async () => {
    removeAbandoned();
    lab = await openPodLab('smoke-bridge', 'bridge');
  });
  afterAll(() => lab?.close());

  it('reach each other', () => {
    const { from, beside, one, two } = endsOf(lab);
    const others = [ofPod.wiredAs(beside).address, one.address, two.address];
    const seen = others.map((to) => sendTo(from.networkNamespace, to, [64, 1500]));
    expect([passages(lab, 1500), ...seen]).toEqual([both, both, both, both]);
  });

  it('are in the API, and each pod has its process in its cgroup and its namespace', () => {
    const { from, two } = endsOf(lab);
    const api = readApiFolder(lab.writeApi(), 'test');
    if (!api.ok) throw new Error(api.refusal.cameBack);
    const { nodes, pods } = api.value;
    if (pods === null) throw new Error('the lab has a list of pods');
    expect(nodes.map(({ name, podCIDRs, ready }) => [name, podCIDRs, ready])).toEqual([
      ['node-1', ['10.244.1.0/24'], true],
      ['node-2', ['10.244.2.0/24'], true],
    ]);
    const names = pods.map(({ name, nodeName, addresses, phase }) => [name, nodeName, addresses, phase]);
    expect(names.toSorted()).toEqual([
      ['web-1a', 'node-1', ['10.244.1.2'], 'Running'],
      ['web-1b', 'node-1', ['10.244.1.3'], 'Running'],
      ['web-2a', 'node-2', ['10.244.2.2'], 'Running'],
      ['web-2b', two.name, ['10.244.2.3'], 'Running'],
    ]);
    const path = `/kubepods-plumbline-test-${process.pid}/pod${from.uid}/${from.id}\n`;
    expect(readFileSync(`/proc/${from.pid}/cgroup`, 'utf8')).toContain(path);
    expect(readFileSync(`/proc/${from.pid}/net/fib_trie`, 'utf8')).toContain(ofPod.wiredAs(from).address);
  });

  it.each<Case>([
    ["a pod's veth down", ({ two, to }) => ofPod.vethDown(two, to), none],
    ["a pod's address gone", ({ to }) => ofPod.addressRemoved(to), none],
    ['a pod with another address', ({ to }) => ofPod.addressReplaced(to, '10.244.2.77'), none],
    ["a pod's default route gone", ({ to }) => ofPod.defaultRouteRemoved(to), none],
    ['a pod off the bridge', ({ two, to }) => ofPod.takenOffBridge(two, to), none],
    ['a route too many', ({ two, to }) => ofPod.podRouteMisdirected(two, to, 'eth0'), none],
    ['the bridge down', ({ two }) => ofNode.linkDown(two, 'cni0'), none],
    ["the bridge's address gone", ({ two }) => ofNode.bridgeAddressRemoved(two), none],
    ['forwarding off', ({ two }) => ofNode.forwardingOff(two), none],
    ['forwarding off by one link', ({ two }) => ofNode.linkForwardingOff(two, 'eth0'), none],
    ['half of the other range thrown away', ({ one }) => ofNode.blackholed(one, '10.244.2.0/25'), none],
    ['a narrow way between', ({ one }, at) => pathNarrowed(at.switch, one, 1400), onlySmall],
  ])('%s', async (_, fault, through) => {
    expect(await lookTwice(lab, fault, 1500)).toEqual({ through, after: both });
  });

  it('settings that no packet here shows are made and taken back', () => {
    const { one, from } = endsOf(lab);
    const { nodeLink } = ofPod.wiredAs(from);
    const look = () => [
      / mtu (\d+) /.exec(mustRunIn(from.networkNamespace, 'ip', ['link', 'show', 'eth0']))?.[1],
      mustRunIn(one.namespace, 'sysctl', ['-n', 'net.bridge.bridge-nf-call-iptables']).trim(),
      / hairpin (on|off) /.exec(mustRunIn(one.namespace, 'bridge', ['-d', 'link', 'show', 'dev', nodeLink]))?.[1],
    ];
    const undos = [ofPod.podMtu(from, 1400), ofNode.bridgeNetfilterOff(one), ofPod.hairpinOff(one, from)];
    const meanwhile = look();
    for (const undo of undos) undo();
    expect([meanwhile, look()]).toEqual([
      ['1400', '0', 'off'],
      ['1500', '1', 'on'],
    ]);
  });

  it('an address stays reserved without a sandbox, until none is left for a new pod', async () => {
    const { one } = endsOf(lab);
    const reservations = () => readdirSync(join(one.folders.cniState, 'networks/labnet')).length;
    const atFirst = reservations();
    cni.reservationLeft(one, 99);
    runOnNode(one, 'rm /var/lib/cni/networks/labnet/10.244.1.99');
    const undo = cni.rangeUsedUp(one);
    // 253 addresses, a lock, and a note of the last one given.
    expect(reservations()).toBe(255);
    const waiting = await one.addPod('waits');
    expect(waiting.network).toEqual({
      ok: false,
      because:
        'plugin type="bridge" failed (add): failed to allocate for range 0: ' +
        'no IP addresses available in range set: 10.244.1.1-10.244.1.254',
    });
    await one.removePod(waiting);
    undo();
    expect(reservations()).toBe(atFirst);
  });

  it('an address is given twice once host-local has forgotten whom it gave it', async () => {
    const { one, from } = endsOf(lab);
    const { pod, undo } = await cni.addressGivenTwice(one);
    expect(ofPod.wiredAs(pod).address).toBe(ofPod.wiredAs(from).address);
    await undo();
    expect(passages(lab, 1500)).toEqual(both);
  });

  it('the first configuration decides; without one, or without its plugin, a new pod waits', async () => {
    const { one } = endsOf(lab);
    const outcomes: string[] = [];
    const messages: unknown[] = [];
    const faults = [cni.secondConfiguration, cni.configurationsRemoved, cni.configurationsEmptied];
    for (const fault of [...faults, (node: typeof one) => cni.pluginRemoved(node, 'bridge')]) {
      const undo = fault(one);
      const { id, network } = await one.addPod('new');
      outcomes.push(network.ok ? network.value.address : network.because);
      messages.push(...lab.api().events.map(({ message }) => String(message).replace(id, 'ID')));
      undo();
      for (const pod of one.pods.filter(({ name }) => name === 'new')) await one.removePod(pod);
    }
    const notFound = 'plugin type="bridge" failed (add): failed to find plugin "bridge" in path [/opt/cni/bin]';
    expect(outcomes).toEqual(['10.88.0.2', 'cni plugin not initialized', 'cni plugin not initialized', notFound]);
    expect(messages.at(-1)).toBe(
      `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "ID": ${notFound}`,
    );
    expect(messages.length).toBe(3);
  });

  it('a pod may leave its reservation behind, or its veth', async () => {
    const { one } = endsOf(lab);
    const lost = await one.addPod('lost');
    const left = await one.addPod('left');
    await one.losePod(lost);
    await one.leavePod(left);
    const has = (pod: LabPod) => {
      const { address, nodeLink } = ofPod.wiredAs(pod);
      return {
        reservation: existsSync(join(one.folders.cniState, 'networks/labnet', address)),
        veth: runIn(one.namespace, 'ip', ['link', 'show', nodeLink]).ok,
      };
    };
    expect([has(lost), has(left)]).toEqual([
      { reservation: true, veth: false },
      { reservation: true, veth: true },
    ]);
    expect(one.pods.map(({ name }) => name)).toEqual(['web-1a', 'web-1b']);
  });

  it('a new sandbox brings back a veth that was deleted', async () => {
    const { two, from, to } = endsOf(lab);
    ofPod.vethDeleted(two, to);
    expect(passages(lab, 1500)).toEqual(none);
    await two.removePod(to);
    const again = await two.addPod(to.name);
    expect(sendTo(from.networkNamespace, ofPod.wiredAs(again).address, [64, 1500])).toEqual(both);
  });
});

describe('two nodes with pods of the plugin ptp', () => {
  let lab: PodLab;
  beforeAll(async () => {
    lab = await openPodLab('smoke-ptp', 'ptp');
  });
  afterAll(() => lab?.close());

  it.each<Case>([
    ["a pod's veth down", ({ two, to }) => ofPod.vethDown(two, to), none],
    ["a pod's default route gone", ({ to }) => ofPod.defaultRouteRemoved(to), none],
    ["a pod's route gone", ({ two, to }) => ofPod.podRouteDeleted(two, to), none],
    ["a pod's route elsewhere", ({ two, to }) => ofPod.podRouteMisdirected(two, to, 'eth0'), none],
  ])('%s', async (_, fault, through) => {
    expect(await lookTwice(lab, fault, 1500)).toEqual({ through, after: both });
  });
});
