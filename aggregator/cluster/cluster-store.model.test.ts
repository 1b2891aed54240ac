/** Whatever changes and whatever fails, in any order: in the end the store holds what the API holds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apiAgentPod, apiNamespace, apiNode, apiPod, apiService, apiSlice } from '../../test/api-objects.ts';
import { ManualTiming } from '../../test/manual-timing.ts';
import { stateInLists, stateOf, type WatchedApi, watchedApi } from '../../test/watched-api.ts';
import type { Fault } from '../../cli/demo/api-server/faults.ts';
import type { Namespace, Pod } from '../model/cluster.ts';
import type { WatchedKind } from '../model/feeds.ts';
import { readClusterState } from './state.ts';

/** The objects that scripts play with. */
const names = ['shop/a', 'shop/b', 'shop/c', 'edge/a'];
const plurals = ['services', 'endpointslices', 'nodes', 'pods', 'namespaces'] as const;
const kinds: readonly WatchedKind[] = [...plurals, 'agentpods'];
type Plural = (typeof plurals)[number];

interface Step {
  readonly note: string;
  readonly run: (watched: WatchedApi) => void;
  /** Time that passes after it. */
  readonly seconds: number;
}

function put(plural: Plural, which: number, variant: number): Step['run'] {
  const name = names[which] ?? '';
  const [, plain = ''] = name.split('/');
  return ({ api }) => {
    switch (plural) {
      case 'services':
        api.apply(plural, apiService(name, 8000 + variant));
        break;
      case 'endpointslices': {
        // Slices move between Services, and become and cease to be those of headless ones.
        const labels = variant === 4 ? { 'service.kubernetes.io/headless': '' } : {};
        api.apply(plural, apiSlice(name, variant % 2 === 0 ? plain : 'b', [`10.244.1.${variant + 2}`], labels));
        break;
      }
      case 'nodes':
        api.apply(plural, apiNode(plain, `192.0.2.${variant + 1}`));
        break;
      case 'pods':
        // The last one is nobody's agent, goes to another node, and carries what pods of other Services carry.
        if (which === 3) api.apply(plural, apiPod(name, `node-${variant}`, { app: `app-${variant % 2}` }));
        else api.apply(plural, apiAgentPod(`plumbline/${plain}`, `node-${variant}`, `uid-${which}-${variant}`));
        break;
      case 'namespaces':
        api.apply(plural, apiNamespace(plain, variant === 0 ? {} : { 'plumbline.dev/accept': `check-${variant}` }));
        break;
    }
  };
}

function keyIn(plural: Plural, which: number): string {
  const name = names[which] ?? '';
  const plain = name.replace(/^.*\//, '');
  if (plural === 'nodes' || plural === 'namespaces') return plain;
  return plural === 'pods' && which !== 3 ? `plumbline/${plain}` : name;
}

const seconds = fc.constantFrom(0, 0, 0.3, 1, 5, 40, 95, 310);
const plural = fc.constantFrom(...plurals);
const which = fc.nat({ max: names.length - 1 });

const changes: fc.Arbitrary<Step> = fc
  .record({
    plural,
    which,
    variant: fc.nat({ max: 4 }),
    how: fc.constantFrom('put', 'put', 'remove', 'replace'),
    seconds,
  })
  .map(({ plural, which, variant, how, seconds }) => ({
    note: `${how} ${plural} ${keyIn(plural, which)} as ${variant}`,
    run: (watched) => {
      if (how !== 'put') watched.api.remove(plural, keyIn(plural, which));
      if (how !== 'remove') put(plural, which, variant)(watched);
    },
    seconds,
  }));

const disturbances: fc.Arbitrary<Step> = fc
  .record({ plural, how: fc.constantFrom('cut', 'half', 'silence', 'expire', 'confuse', 'forget'), seconds })
  .map(({ plural, how, seconds }) => ({
    note: `${how} ${plural}`,
    run: ({ api }) => {
      if (how === 'forget') api.forget();
      for (const watch of api.watches(plural)) {
        if (how === 'cut') watch.cut();
        if (how === 'half') watch.cut('{"type":"MODIFIED","object":{"kind":"No');
        if (how === 'silence') watch.silence();
        if (how === 'expire') watch.expire(1);
        if (how === 'confuse') watch.confuse();
      }
    },
    seconds,
  }));

const whats: readonly Fault['what'][] = [
  { kind: 'status', status: 401 },
  { kind: 'status', status: 410 },
  { kind: 'status', status: 429, retryAfterSeconds: 7 },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503 },
  { kind: 'cut' },
  { kind: 'truncated' },
  { kind: 'no-answer' },
  { kind: 'silent' },
  { kind: 'web-page' },
  { kind: 'wrong-kind' },
];

const faults: fc.Arbitrary<Step> = fc
  .record({ plural, what: fc.constantFrom(...whats), times: fc.nat({ max: 4 }), laterPage: fc.boolean(), seconds })
  .map(({ plural, what, times, laterPage, seconds }) => ({
    note: `the next ${times + 1} requests for ${plural}: ${JSON.stringify(what)}${laterPage ? ', in a later page' : ''}`,
    run: ({ api }) => api.fail({ plural, what, times: times + 1, ...(laterPage ? { laterPage } : {}) }),
    seconds,
  }));

const scripts = fc.record({
  watchLists: fc.boolean(),
  chance: fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
  steps: fc.array(fc.oneof({ weight: 3, arbitrary: changes }, disturbances, faults), { maxLength: 40 }),
});

/** As long as the longest silence, twice, the pauses after them and one bookmark. */
const calmSeconds = 400;

describe('any script of changes and failures', () => {
  it('ends with what the API holds, all of it fresh, after few requests', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, async ({ watchLists, chance, steps }) => {
        const timing = new ManualTiming(() => chance.next().value ?? 0);
        const watched = watchedApi({ watchLists, mostPerPage: 2 }, timing);
        const { api, store } = watched;
        for (const plural of plurals) put(plural, 0, 0)(watched);
        store.start();
        for (const step of steps) {
          step.run(watched);
          await timing.pass(step.seconds);
        }
        api.mend();
        await timing.pass(calmSeconds);
        const owners = names.flatMap((name) => [name, name.replace(/\/.*$/, '/b')]);
        const wanted = stateInLists({
          services: api.objects('services'),
          endpointSlices: api.objects('endpointslices'),
          nodes: api.objects('nodes'),
        });
        expect(stateOf(store, owners)).toEqual(wanted);
        expect(podsAndNamespaces(watched)).toEqual(podsAndNamespacesInLists(watched));
        const agents = api.objects('pods').filter(({ metadata }) => metadata.namespace === 'plumbline');
        expect(agentsIn(watched)).toEqual(agents.map(({ metadata }) => metadata.uid));
        expect(kinds.filter((kind) => !store.health(kind).fresh)).toEqual([]);
        expect(watched.requests() / (timing.monotonic() / 1000)).toBeLessThan(3);
        const stopped = store.stop();
        await timing.pass(0);
        await stopped;
      }),
      { numRuns: 250, seed: 7 },
    );
  });
});

interface PodsAndNamespaces {
  readonly pods: readonly Pod[];
  /** Names of pods by node. */
  readonly on: ReadonlyMap<string, readonly string[]>;
  readonly namespaces: readonly Namespace[];
}

const nodesOfPods = [0, 1, 2, 3, 4].map((variant) => `node-${variant}`);

function podsAndNamespaces({ store }: WatchedApi): PodsAndNamespaces {
  const namespaces = [...store.namespaces.values()];
  const pods = ['plumbline', 'shop', 'edge'].flatMap((namespace) => [...store.podsIn(namespace)]);
  const on = new Map(nodesOfPods.map((node) => [node, [...store.podsOn(node)].map(({ name }) => name).sort()]));
  return { pods: byUid(pods), on, namespaces: namespaces.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

function podsAndNamespacesInLists({ api }: WatchedApi): PodsAndNamespaces {
  const reading = readClusterState({
    ...{ services: { items: [] }, endpointSlices: { items: [] }, nodes: { items: [] } },
    pods: { items: api.objects('pods') },
    namespaces: { items: api.objects('namespaces') },
  });
  if (!reading.ok) throw new Error(reading.problems.join('\n'));
  const { pods, namespaces } = reading.value;
  const on = new Map(
    nodesOfPods.map((node) => [
      node,
      (pods ?? []).flatMap(({ name, nodeName }) => (nodeName === node ? [name] : [])).sort(),
    ]),
  );
  return { pods: byUid(pods ?? []), on, namespaces: namespaces ?? [] };
}

function byUid(pods: readonly Pod[]): readonly Pod[] {
  return pods.toSorted((one, other) => (one.uid < other.uid ? -1 : 1));
}

function agentsIn({ store }: WatchedApi): readonly string[] {
  const uids = names.flatMap((_, index) => [0, 1, 2, 3, 4].map((variant) => `uid-${index}-${variant}`));
  const held = uids.flatMap((uid) => store.agentPods.byUid(uid) ?? []);
  return held.sort((one, other) => (one.name < other.name ? -1 : 1)).map(({ uid }) => uid);
}
