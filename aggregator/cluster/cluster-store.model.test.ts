/** Whatever changes and whatever fails, in any order: in the end the store holds what the API holds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apiAgentPod, apiNode, apiService, apiSlice } from '../../test/api-objects.ts';
import { ManualTiming } from '../../test/manual-timing.ts';
import { stateInLists, stateOf, type WatchedApi, watchedApi } from '../../test/watched-api.ts';
import type { Fault } from '../../cli/demo/api-server/faults.ts';

/** The objects that scripts play with. */
const names = ['shop/a', 'shop/b', 'shop/c', 'edge/a'];
const plurals = ['services', 'endpointslices', 'nodes', 'pods'] as const;
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
        api.apply(plural, apiAgentPod(`plumbline/${plain}`, `node-${variant}`, `uid-${which}-${variant}`));
        break;
    }
  };
}

function keyIn(plural: Plural, which: number): string {
  const name = names[which] ?? '';
  const plain = name.replace(/^.*\//, '');
  return plural === 'nodes' ? plain : plural === 'pods' ? `plumbline/${plain}` : name;
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
        expect(podsIn(watched)).toEqual(api.objects('pods').map(({ metadata }) => metadata.uid));
        expect(plurals.filter((kind) => !store.health(kind).fresh)).toEqual([]);
        expect(watched.requests() / (timing.monotonic() / 1000)).toBeLessThan(2);
        const stopped = store.stop();
        await timing.pass(0);
        await stopped;
      }),
      { numRuns: 300, seed: 7 },
    );
  });
});

function podsIn({ store }: WatchedApi): readonly string[] {
  const uids = names.flatMap((_, index) => [0, 1, 2, 3, 4].map((variant) => `uid-${index}-${variant}`));
  const held = uids.flatMap((uid) => store.agentPods.byUid(uid) ?? []);
  return held.sort((one, other) => (one.name < other.name ? -1 : 1)).map(({ uid }) => uid);
}
