import { describe, expect, it } from 'vitest';
import { apiService } from '../../test/api-objects.ts';
import { ManualTiming } from '../../test/manual-timing.ts';
import { watchedApi } from '../../test/watched-api.ts';
import type { Fault } from '../../cli/demo/api-server/faults.ts';

type Options = Parameters<typeof watchedApi>[0];

/** A store that follows Services `shop/a` and `shop/b`. */
async function followed(options: Options = {}, timing = new ManualTiming()) {
  const watched = watchedApi(options, timing);
  const { api, store, told } = watched;
  api.apply('services', apiService('shop/a'));
  api.apply('services', apiService('shop/b'));
  store.start();
  await timing.pass(0);
  told();
  const requestsFor = (counted: string): number => api.requests.get(counted) ?? 0;
  const names = (): readonly string[] => [...store.services.keys()].sort();
  return { ...watched, requestsFor, names };
}

/** Fails all requests for Services until `mend`. */
function failing(what: Fault['what'], verb?: Fault['verb']): Fault {
  return { plural: 'services', what, times: Number.POSITIVE_INFINITY, ...(verb === undefined ? {} : { verb }) };
}

describe('a server that can begin a watch with the objects there are', () => {
  it('is asked once, and follows from there', async () => {
    const { requestsFor, names } = await followed();
    expect(names()).toEqual(['shop/a', 'shop/b']);
    expect([requestsFor('watch services'), requestsFor('list services')]).toEqual([1, 0]);
  });

  it('is asked anew in pages where it never said that these are all', async () => {
    const { api, store, requestsFor, timing, names } = await followed();
    api.fail({ plural: 'services', verb: 'watch', what: { kind: 'silent' } });
    for (const watch of api.watches('services')) watch.expire(1);
    await timing.pass(60);
    expect(store.health('services').because).toMatch(/^to be listed anew/);
    await timing.pass(60);
    expect([requestsFor('list services'), store.health('services').fresh]).toEqual([1, true]);
    expect(names()).toEqual(['shop/a', 'shop/b']);
  });
});

describe('an older server', () => {
  it('is listed in pages, and not asked for more again', async () => {
    const { api, requestsFor, timing, names } = await followed({ watchLists: false, mostPerPage: 1 });
    await timing.pass(2);
    expect(names()).toEqual(['shop/a', 'shop/b']);
    expect([requestsFor('watch services'), requestsFor('list services')]).toEqual([2, 2]);
    for (const watch of api.watches('services')) watch.expire(1);
    await timing.pass(5);
    expect([requestsFor('watch services'), requestsFor('list services')]).toEqual([3, 4]);
  });

  it('that forgets the version between two pages is listed from the beginning', async () => {
    const { api, timing, names, requestsFor } = watchedFromPages();
    api.fail({ plural: 'services', laterPage: true, what: { kind: 'status', status: 410 } });
    await timing.pass(10);
    expect(names()).toEqual(['shop/a', 'shop/b', 'shop/c']);
    // Two pages in vain, three to the end.
    expect(requestsFor('list services')).toBe(5);
  });

  function watchedFromPages() {
    const watched = watchedApi({ watchLists: false, mostPerPage: 1 });
    for (const name of ['shop/a', 'shop/b', 'shop/c']) watched.api.apply('services', apiService(name));
    watched.store.start();
    const requestsFor = (counted: string): number => watched.api.requests.get(counted) ?? 0;
    return { ...watched, requestsFor, names: () => [...watched.store.services.keys()].sort() };
  }
});

describe('a watch that ends', () => {
  it('by the server, in its time, goes on from the version that it had come to', async () => {
    const { api, timing, told, requestsFor, store } = await followed();
    await timing.pass(299);
    expect(requestsFor('watch services')).toBe(2);
    api.apply('services', apiService('shop/c'));
    await timing.pass(2);
    expect(told()).toEqual(['service shop/c']);
    expect(store.health('services').fresh).toBe(true);
  });

  it('after a change goes on from that change, and needs nothing that the server has forgotten', async () => {
    const { api, timing, told } = await followed();
    api.apply('services', apiService('shop/c'));
    await timing.pass(0);
    api.forget();
    for (const watch of api.watches('services')) watch.cut();
    await timing.pass(5);
    expect(api.watches('services')).toHaveLength(1);
    expect(told()).toEqual(['service shop/c']);
  });

  it('by a cut in the midst of an event loses nothing', async () => {
    const { api, timing, told, names } = await followed();
    for (const watch of api.watches('services')) watch.cut('{"type":"ADDED","object":{"kind":"Serv');
    api.apply('services', apiService('shop/c'));
    await timing.pass(2);
    expect(told()).toEqual(['service shop/c']);
    expect(names()).toEqual(['shop/a', 'shop/b', 'shop/c']);
  });

  it.each(['expire', 'confuse'] as const)(
    'with what cannot be trusted (%s) is listed anew, not fresh meanwhile',
    async (how) => {
      const { api, store, timing, told, names } = await followed();
      for (const watch of api.watches('services')) how === 'expire' ? watch.expire(1) : watch.confuse();
      api.remove('services', 'shop/a');
      await timing.pass(0);
      expect(store.health('services').because).toMatch(
        /^to be listed anew \(GET https:\/\/192\.0\.2\.10:6443\/api\/v1\/services: /,
      );
      await timing.pass(5);
      expect(told()).toEqual(['health services', 'service shop/a', 'relisted services', 'health services']);
      expect(names()).toEqual(['shop/b']);
    },
  );

  it('again and again, once a second for ten minutes, keeps up with few requests', async () => {
    const { api, store, timing, requests, names } = await followed();
    for (let second = 0; second < 600; second++) {
      api.apply('services', apiService(`shop/${second % 7}`, 1000 + second));
      for (const watch of api.watches()) watch.cut();
      await timing.pass(1);
    }
    await timing.pass(60);
    expect(names()).toEqual(['0', '1', '2', '3', '4', '5', '6', 'a', 'b'].map((name) => `shop/${name}`));
    expect(store.services.get('shop/4')?.ports[0]?.port).toBe(1599 - (((599 % 7) - 4 + 7) % 7));
    expect(requests() / 660).toBeLessThan(2);
  });
});

describe('a watch that falls silent', () => {
  it('is not fresh after 90 s, and fresh again once something was heard', async () => {
    const { api, store, timing, told, requestsFor } = await followed();
    for (const watch of api.watches('services')) watch.silence();
    await timing.pass(89);
    expect(store.health('services')).toEqual({ fresh: true, because: null, ageMs: 89_000 });
    await timing.pass(2);
    expect(told()).toEqual(['health services']);
    expect(store.health('services')).toEqual({
      fresh: false,
      because: 'no word for 91 s (GET https://192.0.2.10:6443/api/v1/services: silent: no word for 90 s)',
      ageMs: 91_000,
    });
    expect(requestsFor('watch services')).toBe(2);
    // The new watch is open; only its first bookmark shows that it is alive.
    await timing.pass(61);
    expect(told()).toEqual(['health services']);
    expect(store.health('services').fresh).toBe(true);
  });

  it('twice in a row is listed anew', async () => {
    const { api, timing, told, names } = await followed();
    for (const watch of api.watches('services')) watch.silence();
    api.fail({ plural: 'services', verb: 'watch', what: { kind: 'silent' } });
    api.remove('services', 'shop/a');
    await timing.pass(190);
    expect(told()).toEqual(['health services', 'service shop/a', 'relisted services', 'health services']);
    expect(names()).toEqual(['shop/b']);
  });

  it('but tells bookmarks is fresh', async () => {
    const { store, timing, told } = await followed();
    await timing.pass(3600);
    expect(told()).toEqual([]);
    expect(store.health('services').ageMs).toBeLessThan(90_000);
  });
});

describe('an API that fails', () => {
  it.each([
    [{ kind: 'status', status: 401 }, '401 Unauthorized'],
    [{ kind: 'status', status: 403 }, '403 Forbidden: services is forbidden'],
    [{ kind: 'status', status: 404 }, '404 NotFound'],
    [{ kind: 'status', status: 429 }, '429 TooManyRequests'],
    [{ kind: 'status', status: 500 }, '500 InternalError'],
    [{ kind: 'status', status: 503 }, '503 ServiceUnavailable'],
    [{ kind: 'cut' }, 'unreachable: socket hang up'],
    [{ kind: 'truncated' }, 'cut: the watch ended at once'],
    [{ kind: 'web-page' }, 'no-json: a line of the watch is no JSON: <html>'],
    [{ kind: 'wrong-kind' }, 'wrong-kind: the watch told {"kind":"EventList"'],
    [{ kind: 'no-answer' }, 'deadline: no whole answer came in time'],
  ] satisfies [Fault['what'], string][])(
    'for 20 minutes (%o) is asked seldom and followed again',
    async (what, because) => {
      const { api, store, timing, told, warned, requestsFor } = await followed();
      api.fail(failing(what));
      for (const watch of api.watches('services')) watch.cut();
      api.remove('services', 'shop/a');
      const before = requestsFor('watch services') + requestsFor('list services');
      await timing.pass(1200);
      const asked = requestsFor('watch services') + requestsFor('list services') - before;
      expect(asked).toBeGreaterThan(15);
      expect(asked).toBeLessThan(200);
      expect(store.health('services').fresh).toBe(false);
      expect(store.health('services').because).toContain('GET https://192.0.2.10:6443/api/v1/services: ');
      expect(warned().join('\n')).toContain(because);
      expect(store.services.size).toBe(2);
      api.mend();
      await timing.pass(160);
      expect(store.health('services').fresh).toBe(true);
      expect(told().filter((change) => change.startsWith('service '))).toEqual(['service shop/a']);
    },
  );

  it('from the start says why nothing is known', async () => {
    const { api, store, timing } = watchedApi();
    api.fail(failing({ kind: 'status', status: 403 }));
    store.start();
    await timing.pass(3);
    expect(store.health('services').because).toBe(
      'not listed yet (GET https://192.0.2.10:6443/api/v1/services: 403 Forbidden: services is forbidden: User "system:anonymous" cannot list resource "services")',
    );
  });

  it('and wishes to be left alone for a time is left alone', async () => {
    const { api, timing, requestsFor } = await followed();
    api.fail({ plural: 'services', what: { kind: 'status', status: 429, retryAfterSeconds: 40 } });
    for (const watch of api.watches('services')) watch.cut();
    await timing.pass(40);
    expect(requestsFor('watch services')).toBe(2);
    await timing.pass(3);
    expect(requestsFor('watch services')).toBe(3);
  });

  it('the same way each time is warned of once', async () => {
    const { api, timing, warned } = await followed();
    api.fail(failing({ kind: 'status', status: 503 }));
    for (const watch of api.watches('services')) watch.cut();
    await timing.pass(300);
    expect(warned()).toEqual([
      'watch of services: GET https://192.0.2.10:6443/api/v1/services: cut: the watch broke off: socket hang up',
      'watch of services: GET https://192.0.2.10:6443/api/v1/services: 503 ServiceUnavailable: apiserver is shutting down.',
    ]);
  });
});

describe('a listener that throws', () => {
  it('ends no watch: the objects are listed anew', async () => {
    const { api, store, timing, warned, names } = await followed();
    let throws = true;
    store.subscribe(() => {
      if (!throws) return;
      throws = false;
      throw new Error('defect of the listener');
    });
    api.apply('services', apiService('shop/c'));
    await timing.pass(5);
    expect(warned()).toEqual([
      'watch of services: GET https://192.0.2.10:6443/api/v1/services: defect: defect of the listener',
    ]);
    expect(names()).toEqual(['shop/a', 'shop/b', 'shop/c']);
    expect(store.health('services').fresh).toBe(true);
  });
});
