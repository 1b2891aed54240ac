/** What must hold of NetworkPolicies whatever they say. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { objectsOf } from '../../aggregator/audit/objects.ts';
import { readObject } from '../../aggregator/cluster/api-list.ts';
import { networkPolicyKind } from '../../aggregator/cluster/network-policy.ts';
import type { Flow, NetworkPolicy, PolicyAnswers } from '../../aggregator/model/policy.ts';
import { answersOf } from '../policy-world.ts';
import {
  flowsIn,
  namedPolicy,
  nodes,
  policies,
  policyRule,
  policyWorld,
  type PolicyWorld,
} from './policy-arbitrary.ts';
import { sideAllows } from './policy-oracle.ts';

function answers({ pods, namespaces }: PolicyWorld, networkPolicies: readonly NetworkPolicy[]): PolicyAnswers {
  const nothing = { services: [], endpointSlices: [], podEvents: [], foreignPolicies: [], dnsConfigurations: [] };
  return answersOf(objectsOf({ ...nothing, nodes, pods, namespaces, networkPolicies }));
}

/** How much is let through: denied < not known < allowed. */
function degree(asked: PolicyAnswers, flow: Flow): number {
  const { allowed } = asked.flow(flow);
  return allowed === null ? 1 : allowed ? 2 : 0;
}

describe('NetworkPolicies', () => {
  it('let through what the API reference says, word for word', () => {
    fc.assert(
      fc.property(policyWorld, policies, (world, given) => {
        const asked = answers(world, given);
        const known = { policies: given, namespaces: world.namespaces };
        for (const flow of flowsIn(world)) {
          const sides = [sideAllows(known, 'egress', flow), sideAllows(known, 'ingress', flow)];
          const allowed = sides.includes(false) ? false : sides.includes(null) ? null : true;
          expect([flow, asked.flow(flow).allowed]).toEqual([flow, allowed]);
        }
      }),
      { numRuns: 1_500 },
    );
  });

  it('with one more rule let through no less', () => {
    fc.assert(
      fc.property(policyWorld, policies, policyRule, fc.nat(), (world, given, rule, dice) => {
        const chosen = given[dice % Math.max(given.length, 1)];
        fc.pre(chosen !== undefined);
        const more = given.map((one) =>
          one === chosen ? { ...one, ingress: [...one.ingress, rule], egress: [rule, ...one.egress] } : one,
        );
        const [before, after] = [answers(world, given), answers(world, more)];
        for (const flow of flowsIn(world)) expect(degree(after, flow)).toBeGreaterThanOrEqual(degree(before, flow));
      }),
      { numRuns: 600 },
    );
  });

  it('say the same in whatever order they are listed', () => {
    const shuffled = policies.chain((given) =>
      fc.tuple(fc.constant(given), fc.shuffledSubarray([...given], { minLength: given.length })),
    );
    fc.assert(
      fc.property(policyWorld, shuffled, (world, [given, other]) => {
        const [one, two] = [answers(world, given), answers(world, other)];
        for (const flow of flowsIn(world)) expect(two.flow(flow)).toEqual(one.flow(flow));
      }),
      { numRuns: 200 },
    );
  });

  it('let through no more with a first policy for pods that none selected', () => {
    let applied = 0;
    fc.assert(
      fc.property(policyWorld, policies, namedPolicy('first'), (world, given, first) => {
        const before = answers(world, given);
        const selected = before.selectedBy(first);
        fc.pre(
          selected.length > 0 &&
            selected.every((pod) => first.types.every((type) => before.isolating(pod, type).length === 0)),
        );
        applied += 1;
        const after = answers(world, [...given, first]);
        for (const flow of flowsIn(world)) expect(degree(after, flow)).toBeLessThanOrEqual(degree(before, flow));
      }),
      { numRuns: 200 },
    );
    expect(applied).toBeGreaterThan(100);
  });

  it('answer as they would if nothing was asked before', () => {
    fc.assert(
      fc.property(policyWorld, policies, fc.infiniteStream(fc.nat()), (world, given, dice) => {
        const asked = answers(world, given);
        const flows = flowsIn(world);
        for (let turn = 0; turn < 40; turn++) {
          const flow = flows[(dice.next().value ?? 0) % flows.length];
          if (flow !== undefined) expect(asked.flow(flow)).toEqual(answers(world, given).flow(flow));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('say the same of all pods of one class', () => {
    let alike = 0;
    fc.assert(
      fc.property(policyWorld, policies, (world, given) => {
        // The fewer labels there are to tell pods apart, the more are alike.
        const pods = world.pods.map((pod) => ({ ...pod, namespace: 'a', labels: {}, hostNetwork: false }));
        const asked = answers({ ...world, pods }, given);
        const byClass = Map.groupBy(pods, (pod) => asked.classOf(pod));
        for (const [first, ...others] of byClass.values()) {
          for (const other of others) {
            if (first === undefined) continue;
            alike += 1;
            for (const flow of flowsIn({ ...world, pods: pods.filter((pod) => pod !== first && pod !== other) })) {
              if (flow.from.kind === 'node' || flow.to.kind === 'node') continue;
              const [one, two] = [first, other].map((pod) => ({ kind: 'pod' as const, pod }));
              if (one === undefined || two === undefined) continue;
              expect(asked.flow({ ...flow, from: two })).toEqual(asked.flow({ ...flow, from: one }));
              expect(asked.flow({ ...flow, to: two })).toEqual(asked.flow({ ...flow, to: one }));
            }
          }
        }
      }),
      { numRuns: 150 },
    );
    expect(alike).toBeGreaterThan(100);
  });
});

describe('the policies that are proposed', () => {
  it('are read by the API as they are meant, and allow what was denied', () => {
    let proposed = 0;
    fc.assert(
      fc.property(policyWorld, policies, (world, given) => {
        const before = answers(world, given);
        for (const flow of flowsIn(world)) {
          const { allowed } = before.flow(flow);
          const yaml = before.allowing(flow);
          expect([flow, yaml === null]).toEqual([flow, allowed !== false]);
          if (yaml === null) continue;
          proposed += 1;
          const after = answers(world, [...given, ...readPolicies(yaml)]).flow(flow);
          expect([yaml, after.egress.state, after.ingress.state]).not.toContain('denied');
          if (isPlain(flow)) expect([yaml, after.allowed]).toEqual([yaml, true]);
        }
      }),
      { numRuns: 60 },
    );
    expect(proposed).toBeGreaterThan(200);
  });
});

/** Neither end is in its node's network, where the API may leave the other side open. */
function isPlain({ from, to }: Flow): boolean {
  return [from, to].every((end) => end.kind === 'address' || (end.kind === 'pod' && !end.pod.hostNetwork));
}

function readPolicies(yaml: string): readonly NetworkPolicy[] {
  return parseAllDocuments(yaml).map((document) => {
    const read = readObject(parse(String(document)), networkPolicyKind);
    if (!read.ok || read.value === null) throw new Error(`not read: ${yaml}`);
    return read.value;
  });
}
