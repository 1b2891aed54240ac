import { describe, expect, it } from 'vitest';
import { apiAgentPod, apiNode, apiSandboxEvent, apiService, apiSlice } from '../../test/api-objects.ts';
import { watchedApi } from '../../test/watched-api.ts';

/** A store that follows a cluster of one Service with one slice, one Node and one agent. */
async function followed() {
  const watched = watchedApi();
  const { api, store, timing, told } = watched;
  api.apply('services', apiService('shop/web'));
  api.apply('endpointslices', apiSlice('shop/web-1', 'web', ['10.244.1.2']));
  api.apply('nodes', apiNode('node-a'));
  api.apply('pods', apiAgentPod('plumbline/plumbline-agent-abcde', 'node-a', 'uid-1'));
  store.start();
  await timing.pass(0);
  const first = told();
  return { ...watched, first };
}

describe('the first lists', () => {
  it('hold what the API has, tell each object and then that the kind is known', async () => {
    const { store, first } = await followed();
    expect([...store.services.keys()]).toEqual(['shop/web']);
    expect(store.slicesOf('shop/web').map(({ endpoints }) => endpoints[0]?.address)).toEqual(['10.244.1.2']);
    expect([...store.nodes.keys()]).toEqual(['node-a']);
    expect(store.agentPods.byUid('uid-1')).toEqual({
      uid: 'uid-1',
      name: 'plumbline-agent-abcde',
      namespace: 'plumbline',
      nodeName: 'node-a',
      serviceAccountName: 'plumbline-agent',
      ownerUid: 'uid-of-ds',
      ownerKind: 'DaemonSet',
      ownerName: 'plumbline-agent',
    });
    expect([...first].sort()).toEqual([
      'dns-configuration',
      'health agentpods',
      'health endpointslices',
      'health events',
      'health namespaces',
      'health networkpolicies',
      'health nodes',
      'health pods',
      'health services',
      'node node-a',
      'pods plumbline',
      'policies ',
      'relisted agentpods',
      'relisted endpointslices',
      'relisted events',
      'relisted namespaces',
      'relisted networkpolicies',
      'relisted nodes',
      'relisted pods',
      'relisted services',
      'service shop/web',
      'service shop/web',
    ]);
    expect(first.indexOf('relisted nodes')).toBeGreaterThan(first.indexOf('node node-a'));
    expect(store.health('services')).toEqual({ fresh: true, because: null, ageMs: 0 });
  });

  it('are not there before the watches begin', () => {
    const { store } = watchedApi();
    expect(store.health('nodes')).toEqual({ fresh: false, because: 'not listed yet', ageMs: 0 });
  });

  it('leave out slices of headless Services already at the server', async () => {
    const { api, store, timing } = await followed();
    api.apply('endpointslices', apiSlice('shop/db-1', 'db', ['10.244.1.9'], { 'service.kubernetes.io/headless': '' }));
    await timing.pass(1);
    expect(store.slicesOf('shop/db')).toEqual([]);
  });
});

describe('a change', () => {
  it('is told once the maps show it', async () => {
    const { api, store, timing } = await followed();
    const seen: unknown[] = [];
    store.subscribe((change) => seen.push([change, store.services.get('shop/web')?.ports[0]?.port]));
    api.apply('services', apiService('shop/web', 8080));
    await timing.pass(0);
    expect(seen).toEqual([[{ kind: 'service', key: 'shop/web', at: timing.now() }, 8080]]);
  });

  it('of a slice is one of its Service, and of both where it goes from one to another', async () => {
    const { api, store, timing, told } = await followed();
    api.apply('endpointslices', apiSlice('shop/web-1', 'web', ['10.244.1.2', '10.244.1.3']));
    await timing.pass(0);
    expect(told()).toEqual(['service shop/web']);
    api.apply('endpointslices', apiSlice('shop/web-1', 'api', ['10.244.1.2']));
    await timing.pass(0);
    expect(told()).toEqual(['service shop/web', 'service shop/api']);
    expect(store.slicesOf('shop/web')).toEqual([]);
    expect(store.slicesOf('shop/api')).toHaveLength(1);
  });

  it('of what is not kept is none', async () => {
    const { api, timing, told } = await followed();
    const { metadata, ...rest } = apiNode('node-a');
    api.apply('nodes', { ...rest, metadata: { ...metadata, annotations: { 'example.com/beat': '1' } } });
    await timing.pass(0);
    told();
    api.apply('services', { ...apiService('shop/web'), extra: 'field' });
    await timing.pass(0);
    expect(told()).toEqual([]);
  });

  it('ends with its subscription', async () => {
    const { api, store, timing } = await followed();
    const seen: unknown[] = [];
    store.subscribe((change) => seen.push(change))();
    api.remove('services', 'shop/web');
    await timing.pass(0);
    expect(seen).toEqual([]);
    expect(store.services.size).toBe(0);
  });
});

describe('a pod', () => {
  const web = (nodeName: string | null, phase = 'Running') => ({
    metadata: { namespace: 'shop', name: 'web-0', labels: { app: 'web' } },
    spec: nodeName === null ? {} : { nodeName },
    status: { phase },
  });
  const namesOf = (pods: Iterable<{ readonly name: string }>) => [...pods].map(({ name }) => name);

  it('is found by its namespace, and by its node once it has one; its namespace is told', async () => {
    const { api, store, timing, told } = await followed();
    api.apply('pods', web(null, 'Pending'));
    await timing.pass(0);
    expect([told(), namesOf(store.podsIn('shop')), namesOf(store.podsOn('node-b'))]).toEqual([
      ['pods shop'],
      ['web-0'],
      [],
    ]);
    api.apply('pods', web('node-b'));
    await timing.pass(0);
    expect([told(), namesOf(store.podsIn('shop')), namesOf(store.podsOn('node-b'))]).toEqual([
      ['pods shop'],
      ['web-0'],
      ['web-0'],
    ]);
    expect([...store.podsIn('shop')][0]?.phase).toBe('Running');
    api.remove('pods', 'shop/web-0');
    await timing.pass(0);
    expect([told(), namesOf(store.podsIn('shop')), namesOf(store.podsOn('node-b'))]).toEqual([['pods shop'], [], []]);
  });

  it('that may not be listed, or cannot be read, keeps no agent out', async () => {
    const { api, store, timing } = await followed();
    const { spec, ...rest } = web('node-b');
    api.apply('pods', { ...rest, spec: { ...spec, containers: 'none' } });
    await timing.pass(0);
    expect(store.health('pods')).toEqual({
      fresh: false,
      because: 'cannot be read: Pod shop/web-0: spec.containers is "none", expected a list',
      ageMs: 0,
    });
    expect([store.health('agentpods').fresh, store.health('namespaces').fresh]).toEqual([true, true]);
  });
});

describe('a Namespace', () => {
  it('is told when what is kept of it changes', async () => {
    const { api, store, timing, told } = await followed();
    api.apply('namespaces', { metadata: { name: 'shop', annotations: { 'plumbline.dev/accept': 'proxy-down' } } });
    api.apply('namespaces', {
      metadata: { name: 'shop', annotations: { 'plumbline.dev/accept': 'proxy-down', x: '1' } },
    });
    await timing.pass(0);
    expect(told()).toEqual(['namespace shop']);
    expect(store.namespaces.get('shop')?.annotations).toEqual({ 'plumbline.dev/accept': 'proxy-down' });
  });
});

describe('an agent that is replaced under the same name', () => {
  it('is another pod, and the old one is told to be gone', async () => {
    const { api, store, timing } = await followed();
    const gone: string[] = [];
    store.agentPods.onGone(({ uid }) => gone.push(uid));
    api.remove('pods', 'plumbline/plumbline-agent-abcde');
    api.apply('pods', apiAgentPod('plumbline/plumbline-agent-abcde', 'node-a', 'uid-2'));
    await timing.pass(0);
    expect(gone).toEqual(['uid-1']);
    expect([store.agentPods.byUid('uid-1'), store.agentPods.byUid('uid-2')?.uid]).toEqual([null, 'uid-2']);
  });

  it('is noticed also where the watch slept meanwhile', async () => {
    const { api, store, timing } = await followed();
    const gone: string[] = [];
    store.agentPods.onGone(({ uid }) => gone.push(uid));
    for (const watch of api.watches()) watch.cut();
    api.remove('pods', 'plumbline/plumbline-agent-abcde');
    api.apply('pods', apiAgentPod('plumbline/plumbline-agent-abcde', 'node-a', 'uid-2'));
    api.forget();
    await timing.pass(10);
    expect(gone).toEqual(['uid-1']);
    expect(store.agentPods.byUid('uid-2')?.name).toBe('plumbline-agent-abcde');
  });
});

describe('an agent that the watch does not know yet', () => {
  it('is found by asking the API, by name or among all, and never under another UID', async () => {
    const { api, store, timing } = await followed();
    for (const watch of api.watches('pods')) watch.silence();
    api.apply('pods', apiAgentPod('plumbline/plumbline-agent-fghij', 'node-b', 'uid-7'));
    await timing.pass(1);
    expect(store.agentPods.byUid('uid-7')).toBeNull();
    expect((await store.agentPods.refresh('uid-7', 'plumbline-agent-fghij'))?.nodeName).toBe('node-b');
    expect((await store.agentPods.refresh('uid-7'))?.nodeName).toBe('node-b');
    expect(await store.agentPods.refresh('uid-8', 'plumbline-agent-fghij')).toBeNull();
    expect(await store.agentPods.refresh('uid-7', 'plumbline-agent-none')).toBeNull();
  });
});

describe('an object that cannot be read', () => {
  it('is missing, and the kind is not fresh until it is mended', async () => {
    const { api, store, timing, told } = await followed();
    api.apply('services', { ...apiService('shop/bad'), spec: { type: 'Teleport', ports: [{ port: 80 }] } });
    await timing.pass(0);
    expect(told()).toEqual(['health services']);
    expect(store.health('services')).toEqual({
      fresh: false,
      because:
        'cannot be read: Service shop/bad: spec.type is "Teleport", expected one of ClusterIP, NodePort, LoadBalancer, ExternalName',
      ageMs: 0,
    });
    expect([...store.services.keys()]).toEqual(['shop/web']);
    api.remove('services', 'shop/bad');
    await timing.pass(0);
    expect(told()).toEqual(['health services']);
    expect(store.health('services').fresh).toBe(true);
  });
});

describe('a list anew', () => {
  it('tells what changed meanwhile, deletions too, and once that it was one', async () => {
    const { api, store, timing, told } = await followed();
    api.apply('services', apiService('shop/api'));
    await timing.pass(0);
    told();
    for (const watch of api.watches('services')) watch.cut();
    api.remove('services', 'shop/web');
    api.forget();
    await timing.pass(10);
    expect(told()).toEqual(['health services', 'service shop/web', 'relisted services', 'health services']);
    expect([...store.services.keys()]).toEqual(['shop/api']);
  });

  it('of what is as it was tells only that it was one', async () => {
    const { api, timing, told } = await followed();
    for (const watch of api.watches('endpointslices')) watch.expire(1);
    await timing.pass(10);
    expect(told()).toEqual(['health endpointslices', 'relisted endpointslices', 'health endpointslices']);
  });
});

describe('events', () => {
  const forbidden = {
    what: { kind: 'status', status: 403 },
    plural: 'events',
    times: Number.POSITIVE_INFINITY,
  } as const;

  it('are those of sandboxes that could not be made, by their node, and of the last hour', async () => {
    const { api, store, timing } = await followed();
    const at = (minutes: number) => new Date(timing.now() - minutes * 60_000).toISOString();
    api.apply('events', apiSandboxEvent('shop/web-0', 'node-a', at(1)));
    api.apply('events', apiSandboxEvent('shop/web-1', 'node-a', at(59)));
    api.apply('events', apiSandboxEvent('shop/api-0', 'node-b', at(1)));
    api.apply('events', { ...apiSandboxEvent('shop/web-2', 'node-a', at(1)), reason: 'FailedScheduling' });
    await timing.pass(1);
    const on = (node: string) => [...store.podEventsOn(node)].map(({ name }) => name);
    expect([on('node-a'), on('node-b'), on('node-c')]).toEqual([['web-0', 'web-1'], ['api-0'], []]);
    expect(store.objects().podEvents?.map(({ name }) => name)).toEqual(['web-0', 'web-1', 'api-0']);
    await timing.pass(120);
    expect(on('node-a')).toEqual(['web-0']);
    api.remove('events', 'shop/web-0.1');
    await timing.pass(1);
    expect(on('node-a')).toEqual([]);
  });

  it("that we may not have are not known, which is nobody's trouble, and asked for seldom", async () => {
    const watched = watchedApi();
    const { api, store, timing, warned, told } = watched;
    api.fail(forbidden);
    store.start();
    await timing.pass(600);
    expect([store.health('events').fresh, store.objects().podEvents, warned()]).toEqual([false, null, []]);
    expect(store.health('events').because).toMatch(/^not listed yet \(GET .*: 403 Forbidden/);
    expect(told().filter((what) => what.endsWith('events'))).toEqual([]);
    expect(store.figures().filter(({ labels }) => labels?.kind === 'events')).toEqual([]);
    expect(api.requests.get('watch events')).toBeLessThanOrEqual(2);
    expect(['services', 'pods'].map((kind) => store.health(kind as 'pods').fresh)).toEqual([true, true]);
  });

  it('that are permitted later are known then, and not any more when that is taken back', async () => {
    const { api, store, timing, warned } = watchedApi();
    api.fail(forbidden);
    store.start();
    await timing.pass(1);
    api.mend();
    await timing.pass(601);
    expect(store.health('events').fresh).toBe(true);
    api.fail(forbidden);
    for (const watch of api.watches('events')) watch.cut();
    await timing.pass(10);
    expect([store.health('events').fresh, store.objects().podEvents]).toEqual([false, null]);
    // That the watch broke off is trouble; that it is refused then is none.
    expect(warned().filter((message) => message.includes('403'))).toEqual([]);
  });
});

describe('figures', () => {
  it('count what is held, what went wrong, and how old it is', async () => {
    const { api, store, timing } = await followed();
    for (const watch of api.watches('services')) watch.cut();
    await timing.pass(5);
    const ofServices = store.figures().filter(({ labels }) => labels?.kind === 'services');
    expect(ofServices.map(({ name, labels, value }) => [name, labels?.reason ?? '', value])).toEqual([
      ['plumbline_watch_age_seconds', '', 5],
      ['plumbline_watch_fresh', '', 1],
      ['plumbline_watch_objects', '', 1],
      ['plumbline_watch_unreadable_objects', '', 0],
      ['plumbline_watch_forgotten_objects_total', '', 0],
      ['plumbline_watch_restarts_total', '', 1],
      ['plumbline_watch_relists_total', '', 1],
      ['plumbline_watch_errors_total', 'cut', 1],
    ]);
  });
});

describe('stopping', () => {
  it('ends every watch, and leaves no timer behind', async () => {
    const { api, store, timing } = await followed();
    const stopped = store.stop();
    await timing.pass(0);
    await stopped;
    expect([api.watches().length, timing.waiting]).toEqual([0, 0]);
  });
});

describe('a NetworkPolicy', () => {
  const policy = (name: string, spec: object = {}) => ({ metadata: { namespace: 'shop', name }, spec });

  it('is told by its namespace when it comes, changes and goes', async () => {
    const { api, store, timing, told } = await followed();
    api.apply('networkpolicies', policy('deny'));
    await timing.pass(0);
    expect([told(), [...store.policiesIn('shop')].length, [...store.policiesIn('other')]]).toEqual([
      ['policies shop'],
      1,
      [],
    ]);
    api.apply('networkpolicies', policy('deny', { policyTypes: ['Ingress'] }));
    await timing.pass(0);
    expect(told()).toEqual([]);
    api.remove('networkpolicies', 'shop/deny');
    await timing.pass(0);
    expect([told(), store.objects().networkPolicies]).toEqual([['policies shop'], []]);
  });

  it('that cannot be read makes all of them unknown', async () => {
    const { api, store, timing } = await followed();
    api.apply('networkpolicies', policy('deny', { egress: 'everything' }));
    await timing.pass(0);
    expect(store.health('networkpolicies')).toMatchObject({
      fresh: false,
      because: 'cannot be read: NetworkPolicy shop/deny: spec.egress is "everything", expected a list',
    });
    expect(store.objects().networkPolicies).toBe(null);
  });
});

describe('the configuration of cluster DNS', () => {
  it('is asked for once a minute, and a change of it is told', async () => {
    const { api, store, timing, told } = await followed();
    expect([store.health('dnsconfigurations').fresh, [...store.dnsConfigurations()]]).toEqual([true, []]);
    const metadata = { namespace: 'kube-system', name: 'coredns' };
    api.apply('configmaps', { metadata, data: { Corefile: '. {\n}\n' } });
    await timing.pass(61);
    expect(told().filter((change) => change === 'dns-configuration')).toHaveLength(1);
    expect([...store.dnsConfigurations()]).toEqual([{ ...metadata, files: { Corefile: '. {\n}\n' } }]);
  });
});
