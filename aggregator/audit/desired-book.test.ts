import { describe, expect, it } from 'vitest';
import { emptyLeaf, leafIndexOf } from '../../proto/bucket-tree.ts';
import { entryDigest } from '../../proto/canonical.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import {
  address,
  known,
  node,
  profile,
  type ServiceBuilder,
  type SliceBuilder,
  service,
  slice,
} from '../../test/builders.ts';
import { both, elsewhere, here, web } from '../../test/desired-in-short.ts';
import { DesiredBook } from './desired-book.ts';

const options = { historyHours: 24, maxPast: 1000 };
const hour = 3_600_000;
const webKey = 'tcp 10.96.0.1:80' as FrontendKey;
const sharedKey = 'tcp 198.51.100.50:80' as FrontendKey;

function aNode(name: string, own: string, fields: Partial<NodeProfile> = {}) {
  const localAddresses = known(['127.0.0.1', own].map(address));
  return { apiNode: node(name, own), profile: profile({ nodeName: known(name), localAddresses, ...fields }) };
}

/** A book of node-a to node-c, which hears of one thing per call, at the times that it is told. */
function aBook(limits = options) {
  const book = new DesiredBook(limits);
  book.setNode('node-a', aNode('node-a', '192.168.100.11'));
  book.setNode('node-b', aNode('node-b', '192.168.100.12'));
  book.setNode('node-c', aNode('node-c', '192.168.100.13'));
  const set = (one: ServiceBuilder, slices: readonly SliceBuilder[], now: number): void => {
    const { namespace, name } = one.built;
    const built = slices.map((each) => each.built);
    book.setService(`${namespace}/${name}`, one.built, built, now);
  };
  const listed = (now: number): void => {
    book.relisted('services', now);
    book.relisted('endpointslices', now);
  };
  return { book, set, listed };
}

/** A book in which shop/web is known from the start, at time 0. */
function aListedBook(limits = options) {
  const made = aBook(limits);
  made.set(web, [here], 0);
  made.listed(0);
  return made;
}

function digestNow(book: DesiredBook, key: FrontendKey, name = 'node-a'): string | null {
  const entry = book.desired(name)?.table.get(key);
  return entry === undefined ? null : entryDigest(key, entry.forwarding);
}

describe('the tables of many nodes', () => {
  it('are one object where the same is wanted of them', () => {
    const { book, set } = aBook();
    set(web.internalLocal(), [here], 0);
    expect(book.desired('node-b')).toBe(book.desired('node-c'));
    expect(book.desired('node-a')).not.toBe(book.desired('node-b'));
  });

  it('share every bucket in which they are alike', () => {
    const { book, set } = aBook();
    set(web.internalLocal(), [here], 0);
    set(service('shop/api').clusterIP('10.96.0.2').port(80), [], 0);
    const [own, others] = [book.desired('node-a')?.table.leaves ?? [], book.desired('node-b')?.table.leaves ?? []];
    expect(own.flatMap((leaf, index) => (leaf === others[index] ? [] : [index]))).toEqual([leafIndexOf(webKey)]);
  });

  it('stay the same object until something changes, and while nothing that nodes heed does', () => {
    const { book, set } = aListedBook();
    const before = book.desired('node-a');
    set(web.having({ annotations: { 'shop.example.com/build': '2' } }), [here.named('web-1')], 1);
    expect(book.desired('node-a')).toBe(before);
    expect(book.lastChangeAt()).toBeNull();
  });

  it('are those of the last change when a node was asked for long ago', () => {
    const { book, set } = aListedBook();
    book.desired('node-a');
    set(service('shop/api').clusterIP('10.96.0.2').port(80), [], 1);
    for (let count = 2; count <= 21_000; count++) set(web, [count % 2 === 0 ? here : elsewhere], count);
    expect(book.desired('node-a')?.table.size).toBe(2);
    expect(book.desired('node-a')?.table.get(webKey)?.forwarding.pod.route).toMatchObject({
      backends: ['10.244.1.2:8080'],
    });
  });

  it('tell nodes apart that differ in the primary address alone, where source ranges hold one of them', () => {
    const { book, set } = aBook();
    const localAddresses = known(['192.168.100.11', '192.168.100.12'].map(address));
    book.setNode('node-a', aNode('node-a', '192.168.100.11', { localAddresses }));
    book.setNode('node-b', aNode('node-b', '192.168.100.12', { localAddresses }));
    set(web.loadBalancerIP('203.0.113.1').sourceRange('192.168.100.11/32'), [here], 0);
    const sources = ['node-a', 'node-b'].map((name) => {
      const route = book.desired(name)?.table.get('tcp 203.0.113.1:80' as FrontendKey)?.forwarding.node.route;
      return route?.action === 'forward' ? route.sources : route?.action;
    });
    expect(sources).toEqual([['192.168.100.11/32', '203.0.113.1/32'], ['192.168.100.11/32']]);
  });

  it('are null for a node that is not known, has gone, or works in a mode that is not computed', () => {
    const { book } = aListedBook();
    book.setNode('node-b', null);
    book.setNode('node-c', aNode('node-c', '192.168.100.13', { mode: known('cilium') }));
    expect(['node-b', 'node-c', 'node-d'].map((name) => book.desired(name))).toEqual([null, null, null]);
  });
});

describe('where only endpoints on the node are masqueraded when they reach themselves', () => {
  const own: Partial<NodeProfile> = { mode: known('nftables'), hairpin: known('own-endpoints') };
  const hairpinsOf = (book: DesiredBook) =>
    ['node-a', 'node-b', 'node-c'].map(
      (name) => book.desired(name)?.table.get(webKey)?.forwarding.pod.dress?.hairpin ?? null,
    );
  const nftablesBook = () => {
    const made = aBook();
    made.book.setNode('node-a', aNode('node-a', '192.168.100.11', own));
    made.book.setNode('node-b', aNode('node-b', '192.168.100.12', own));
    made.book.setNode('node-c', aNode('node-c', '192.168.100.13', own));
    return made;
  };

  it('a node has what its endpoints change for itself, and shares all else', () => {
    const { book, set } = nftablesBook();
    set(web, [both], 0);
    set(service('shop/api').clusterIP('10.96.0.2').port(80), [], 0);
    expect(hairpinsOf(book)).toEqual(['some', 'some', 'none']);
    const [a, c] = [book.desired('node-a')?.table.leaves ?? [], book.desired('node-c')?.table.leaves ?? []];
    expect(a.flatMap((leaf, index) => (leaf === c[index] ? [] : [index]))).toEqual([leafIndexOf(webKey)]);
  });

  it('follows endpoints that come to a node and leave it', () => {
    const { book, set } = nftablesBook();
    set(web, [here], 0);
    expect(hairpinsOf(book)).toEqual(['all', 'none', 'none']);
    set(web, [elsewhere], 1);
    expect(hairpinsOf(book)).toEqual(['none', 'all', 'none']);
    expect(book.desired('node-a')).toBe(book.desired('node-c'));
    set(web, [both], 2);
    expect(hairpinsOf(book)).toEqual(['some', 'some', 'none']);
  });

  it('is told of the past as well', () => {
    const { book, set, listed } = nftablesBook();
    set(web, [here], 0);
    listed(0);
    const before = ['node-a', 'node-c'].map((name) => digestNow(book, webKey, name));
    set(web, [both], 1);
    expect(['node-a', 'node-c'].map((name) => [...book.past(name, webKey)])).toEqual(
      before.map((digest) => [{ digest, from: 0, until: 1 }]),
    );
    expect(before[0]).not.toBe(before[1]);
  });

  it('is of no concern to nodes of iptables mode beside them', () => {
    const { book, set } = nftablesBook();
    book.setNode('node-b', aNode('node-b', '192.168.100.12'));
    book.setNode('node-c', aNode('node-c', '192.168.100.13'));
    set(web, [both], 0);
    expect(hairpinsOf(book)).toEqual(['some', 'all', 'all']);
    expect(book.desired('node-b')).toBe(book.desired('node-c'));
  });
});

describe('buckets and trees by their digest', () => {
  it('are known while a table has them, and not after', () => {
    const { book, set } = aListedBook();
    const before = book.desired('node-a');
    const leaf = before?.table.leaves[leafIndexOf(webKey)] ?? emptyLeaf;
    expect(book.leaf(leaf.digest)).toBe(leaf);
    expect(book.tree(before?.tree.root ?? '')).toBe(before?.tree);
    set(web, [both], 1);
    book.desired('node-a');
    expect(book.leaf(leaf.digest)).toBeNull();
    expect(book.tree(before?.tree.root ?? '')).toBeNull();
  });

  it('are given up by a node that has nothing of its own any more', () => {
    const { book, set } = aBook();
    set(web.internalLocal(), [here], 0);
    const own = book.desired('node-a')?.table.leaves[leafIndexOf(webKey)];
    book.setService('shop/web', null, [], 1);
    set(service('shop/api').clusterIP('10.96.0.2').port(80), [], 1);
    expect(book.desired('node-a')).toBe(book.desired('node-b'));
    expect(book.leaf(own?.digest ?? '')).toBeNull();
  });

  it('are given up with the last node that has them', () => {
    const { book, set } = aBook();
    set(web.internalLocal(), [here], 0);
    const names = ['node-a', 'node-b', 'node-c'];
    const roots = names.map((name) => book.desired(name)?.tree.root ?? '');
    for (const name of names) book.setNode(name, null);
    expect(book.figures().slice(0, 2)).toMatchObject([{ value: 0 }, { value: 0 }]);
    expect(roots.map((root) => book.tree(root))).toEqual([null, null, null]);
  });

  it('always hold the empty bucket', () => {
    expect(aBook().book.leaf(emptyLeaf.digest)).toBe(emptyLeaf);
  });
});

describe('the past of a frontend', () => {
  it('has every state with its times, newest first, and not the present', () => {
    const { book, set } = aListedBook();
    const first = digestNow(book, webKey);
    set(web, [elsewhere], 1000);
    const second = digestNow(book, webKey);
    set(web, [both], 3000);
    expect([...book.past('node-a', webKey)]).toEqual([
      { digest: second, from: 1000, until: 3000 },
      { digest: first, from: 0, until: 1000 },
    ]);
  });

  it('is what this very node should have done', () => {
    const { book, set } = aBook();
    set(web.internalLocal(), [here], 0);
    const own = digestNow(book, webKey, 'node-a');
    const others = digestNow(book, webKey, 'node-b');
    expect(own).not.toBe(others);
    book.relisted('endpointslices', 0);
    book.relisted('services', 0);
    set(web, [both], 1000);
    expect([...book.past('node-a', webKey)]).toEqual([{ digest: own, from: 0, until: 1000 }]);
    expect([...book.past('node-b', webKey)]).toEqual([{ digest: others, from: 0, until: 1000 }]);
  });

  it('is worked out again when it is asked for long after', () => {
    const { book, set } = aBook();
    const digests: (string | null)[] = [];
    set(web.internalLocal(), [here], 0);
    book.relisted('endpointslices', 0);
    book.relisted('services', 0);
    for (let count = 1; count <= 100; count++) {
      digests.unshift(digestNow(book, webKey));
      const added = Array.from({ length: count }, (_, index) => `10.244.1.${index + 3}`);
      set(web.internalLocal(), [added.reduce((one, text) => one.ready(text, { node: 'node-a' }), here)], count);
    }
    expect([...book.past('node-a', webKey)].map(({ digest }) => digest)).toEqual(digests);
    expect([...book.past('node-a', webKey)].map(({ digest }) => digest)).toEqual(digests);
  });

  it('passes over changes that meant nothing to the node', () => {
    const { book, set } = aBook();
    set(web.internalLocal(), [elsewhere], 0);
    book.relisted('endpointslices', 0);
    book.relisted('services', 0);
    set(web.internalLocal(), [elsewhere.ready('10.244.2.3', { node: 'node-b' })], 1000);
    expect([...book.past('node-a', webKey)]).toEqual([]);
    expect([...book.past('node-b', webKey)]).toMatchObject([{ from: 0, until: 1000 }]);
  });

  it('leaves out a state that was replaced in the moment in which it came', () => {
    const { book, set } = aBook();
    set(web.internalLocal(), [here], 0);
    book.relisted('endpointslices', 0);
    book.relisted('services', 0);
    const first = digestNow(book, webKey);
    set(web.internalLocal(), [both.ready('10.244.1.4', { node: 'node-a' })], 1000);
    // To node-a this is the same as the state before, and not the same as the last one that is remembered.
    set(web.internalLocal(), [here.ready('10.244.1.4', { node: 'node-a' })], 1000);
    expect([...book.past('node-a', webKey)]).toEqual([{ digest: first, from: 0, until: 1000 }]);
  });

  it('has the time when nobody asked for it', () => {
    const { book, set } = aListedBook();
    const first = digestNow(book, webKey);
    book.setService('shop/web', null, [], 1000);
    set(web, [both], 2000);
    expect([...book.past('node-a', webKey)]).toEqual([
      { digest: null, from: 1000, until: 2000 },
      { digest: first, from: 0, until: 1000 },
    ]);
    set(service('shop/new').clusterIP('10.96.0.9').port(80), [], 3000);
    expect([...book.past('node-a', 'tcp 10.96.0.9:80' as FrontendKey)]).toEqual([
      { digest: null, from: 0, until: 3000 },
    ]);
  });

  it('has the time when two Services asked for it', () => {
    const { book, set } = aListedBook();
    const api = service('shop/api').clusterIP('10.96.0.2').port(80).externalIP('198.51.100.50');
    const apiSlice = slice('shop/api').port(9090).ready('10.244.1.3');
    set(web.externalIP('198.51.100.50'), [here], 1000);
    const alone = digestNow(book, sharedKey);
    set(api, [apiSlice], 2000);
    const conflict = digestNow(book, sharedKey);
    expect(book.desired('node-a')?.owner(sharedKey)).toMatchObject({ name: 'api' });
    book.setService('shop/api', null, [], 3000);
    expect([...book.past('node-a', sharedKey)]).toEqual([
      { digest: conflict, from: 2000, until: 3000 },
      { digest: alone, from: 1000, until: 2000 },
      { digest: null, from: 0, until: 1000 },
    ]);
    expect(book.desired('node-a')?.owner(sharedKey)).toMatchObject({ name: 'web' });
  });

  it('does not begin before both kinds were listed', () => {
    const { book, set } = aBook();
    set(web, [], 1000);
    book.relisted('services', 1000);
    set(web, [here], 2000);
    expect(book.reachesBackTo()).toBeNull();
    book.relisted('endpointslices', 2000);
    // The rest of that list.
    set(web, [both], 2000);
    set(service('shop/api').clusterIP('10.96.0.2').port(80), [], 2000);
    expect(book.reachesBackTo()).toBe(2000);
    expect([...book.past('node-a', webKey)]).toEqual([]);
    expect([...book.past('node-a', 'tcp 10.96.0.2:80' as FrontendKey)]).toEqual([]);
    expect(book.serviceChangedAt('shop/web')).toBeNull();
  });

  it('outlives another list', () => {
    const { book, set, listed } = aListedBook();
    const first = digestNow(book, webKey);
    set(web, [both], 1000);
    listed(5000);
    expect([...book.past('node-a', webKey)]).toEqual([{ digest: first, from: 0, until: 1000 }]);
    expect(book.reachesBackTo()).toBe(0);
  });

  it('of a node that nobody knows, or of a frontend that nobody ever asked for, is empty', () => {
    const { book } = aListedBook();
    expect([...book.past('node-d', webKey)]).toEqual([]);
    expect([...book.past('node-a', sharedKey)]).toEqual([]);
  });

  it('ends after a day', () => {
    const { book, set } = aListedBook();
    const first = digestNow(book, webKey);
    set(web, [both], hour);
    book.expire(25 * hour - 1);
    expect([...book.past('node-a', webKey)]).toEqual([{ digest: first, from: 0, until: hour }]);
    book.expire(25 * hour);
    expect([...book.past('node-a', webKey)]).toEqual([]);
    expect(book.reachesBackTo()).toBe(hour);
    expect(digestNow(book, webKey)).not.toBe(first);
  });

  it('is cut where there is too much of it, the oldest first, and that is counted', () => {
    const { book, set } = aListedBook({ historyHours: 24, maxPast: 2 });
    for (const [count, one] of [both, elsewhere, here, both].entries()) set(web, [one], count + 1);
    expect([...book.past('node-a', webKey)].map(({ from }) => from)).toEqual([3, 2]);
    expect(book.figures().slice(2)).toMatchObject([
      { name: 'plumbline_desired_past_states', kind: 'gauge', value: 2 },
      { name: 'plumbline_desired_past_states_dropped_total', kind: 'counter', value: 2 },
    ]);
  });

  it('reaches no further than that of each Service that asked for it', () => {
    const { book, set } = aListedBook({ historyHours: 24, maxPast: 3 });
    const api = service('shop/api').clusterIP('10.96.0.2').port(80).externalIP('198.51.100.50');
    set(web.externalIP('198.51.100.50'), [here], 1000);
    set(api, [], 2000);
    set(api, [slice('shop/api').port(9090).ready('10.244.1.3')], 3000);
    set(api, [], 4000);
    // What shop/web asked before time 1000 is gone: whether it was alone with the frontend then is not known.
    expect([...book.past('node-a', sharedKey)].map(({ from }) => from)).toEqual([1000]);
  });
});

describe('when a frontend last changed', () => {
  it('is when its Service did, or ceased to ask for it', () => {
    const { book, set } = aListedBook();
    set(web.nodePort(30080), [here], 1000);
    set(web.nodePort(30080), [both], 2000);
    set(web, [both], 3000);
    set(web, [here], 4000);
    expect(book.changedAt(webKey)).toBe(4000);
    expect(book.changedAt('tcp node4:30080' as FrontendKey)).toBe(3000);
    expect(book.serviceChangedAt('shop/web')).toBe(4000);
    expect(book.lastChangeAt()).toBe(4000);
  });

  it('is the last list when that came later, for every frontend', () => {
    const { book, set } = aListedBook();
    set(web, [both], 1000);
    book.relisted('services', 2000);
    expect([webKey, sharedKey].map((key) => book.changedAt(key))).toEqual([2000, 2000]);
    expect(book.serviceChangedAt('shop/web')).toBe(1000);
  });

  it('is not known before anything was listed, nor for a Service that there is not', () => {
    const { book } = aBook();
    expect([book.changedAt(sharedKey), book.serviceChangedAt('shop/none'), book.lastChangeAt()]).toEqual([
      null,
      null,
      null,
    ]);
  });
});

describe('a Service', () => {
  it('asks for its frontends, whichever node it is', () => {
    const { book, set } = aBook();
    set(web.nodePort(30080).externalIP('198.51.100.50'), [], 0);
    expect(book.frontendsOf('shop/web')).toEqual([
      { key: webKey, kind: 'clusterIP' },
      { key: sharedKey, kind: 'externalIP' },
      { key: 'tcp node4:30080', kind: 'nodePort' },
    ]);
    expect(book.frontendsOf('shop/none')).toEqual([]);
  });

  it('with more than 1,000 endpoints makes the cluster a large one, until it goes', () => {
    const { book } = aBook();
    const one = here.built.endpoints[0];
    if (one === undefined) throw new Error('the slice has no endpoint');
    const endpoints = Array.from({ length: 1001 }, (_, index) => ({
      ...one,
      address: address(`10.244.${index >> 8}.${index & 255}`),
    }));
    book.setService('shop/web', web.built, [{ ...here.built, endpoints: endpoints.slice(1) }], 0);
    expect(book.largeCluster()).toEqual({ ipv4: false, ipv6: false });
    book.setService('shop/web', web.built, [{ ...here.built, endpoints }], 0);
    expect(book.largeCluster()).toEqual({ ipv4: true, ipv6: false });
    book.setService('shop/web', null, [], 0);
    expect(book.largeCluster()).toEqual({ ipv4: false, ipv6: false });
  });
});
