/** Pods by namespace, node and address, while they come, change and go. */
import { describe, expect, it } from 'vitest';
import { address, pod } from '../../test/builders.ts';
import type { Pod } from '../model/cluster.ts';
import type { ObjectChange } from './object-table.ts';
import { PodIndex } from './pod-index.ts';

function change(before: Pod | null, after: Pod | null): ObjectChange<Pod> {
  const { namespace, name } = after ?? before ?? { namespace: '', name: '' };
  return { key: `${namespace}/${name}`, before, after };
}

function found(index: PodIndex, text: string): readonly string[] {
  return index.withAddress(address(text)).map(({ name }) => name);
}

describe('pods are found', () => {
  it('by their namespace, their node and each of their addresses', () => {
    const index = new PodIndex();
    const web = pod('shop/web-0', 'node-a', '10.244.1.2', 'fd00:10:244:1::2');
    const api = pod('shop/api-0', 'node-b', '10.244.2.2');
    expect(index.change([change(null, web), change(null, api)])).toEqual(new Set(['shop']));
    expect([...index.in('shop')]).toEqual([web, api]);
    expect([...index.on('node-a')]).toEqual([web]);
    expect(['10.244.1.2', 'fd00:10:244:1::2', '10.244.2.2', '10.244.3.2'].map((one) => found(index, one))).toEqual([
      ['web-0'],
      ['web-0'],
      ['api-0'],
      [],
    ]);
  });

  it('by an address that several have, until one alone has it', () => {
    const index = new PodIndex();
    const pods = ['web-0', 'web-1', 'web-2'].map((name) => pod(`shop/${name}`, 'node-a', '10.244.1.2'));
    index.change(pods.map((one) => change(null, one)));
    expect(found(index, '10.244.1.2')).toEqual(['web-0', 'web-1', 'web-2']);
    for (const one of pods.slice(0, 2)) index.change([change(one, null)]);
    expect(found(index, '10.244.1.2')).toEqual(['web-2']);
    for (const one of pods.slice(2)) index.change([change(one, null)]);
    expect(found(index, '10.244.1.2')).toEqual([]);
  });

  it('by the address that they have now, not by one of before', () => {
    const index = new PodIndex();
    const before = pod('shop/web-0', 'node-a', '10.244.1.2');
    const after = pod('shop/web-0', 'node-a', '10.244.1.3');
    index.change([change(null, before)]);
    index.change([change(before, after)]);
    expect([found(index, '10.244.1.2'), found(index, '10.244.1.3')]).toEqual([[], ['web-0']]);
  });

  it("not by the node's address, which all pods in its network share", () => {
    const index = new PodIndex();
    const proxy = { ...pod('kube-system/kube-proxy-x', 'node-a', '192.0.2.1'), hostNetwork: true };
    index.change([change(null, proxy)]);
    expect([found(index, '192.0.2.1'), [...index.on('node-a')]]).toEqual([[], [proxy]]);
    index.change([change(proxy, null)]);
    expect(found(index, '192.0.2.1')).toEqual([]);
  });
});
