/** Which policies isolate which pods, and what an isolated pod may still do: "The two sorts of pod isolation". */
import { describe, expect, it } from 'vitest';
import { judged, type PolicySpec } from '../../../test/policy-world.ts';

const all = { podSelector: {} };
const onlyDb = { podSelector: { matchLabels: { app: 'db' } } };
const inAndOut = { policyTypes: ['Ingress', 'Egress'] };
const toDb = 'shop/web > shop/db 5432';

type Row = readonly [sentence: string, specs: readonly PolicySpec[], flow: string, told: string];

const types: readonly Row[] = [
  ['by default, a pod is non-isolated', [], toDb, 'open > open'],
  ['without policyTypes, Ingress is always set', [all], toDb, 'open > denied'],
  ['without policyTypes and egress rules, Egress is not set', [{ ...all, ingress: [{}] }], toDb, 'open > 0.*.*'],
  [
    'without policyTypes, Egress is set where there are egress rules',
    [{ ...all, egress: [{}] }],
    toDb,
    '0.*.* > denied',
  ],
  ['an empty list of egress rules has no egress rules', [{ ...all, egress: [] }], toDb, 'open > denied'],
  [
    'policyTypes [Ingress]: egress rules are not read',
    [{ ...all, policyTypes: ['Ingress'], egress: [{}] }],
    toDb,
    'open > denied',
  ],
  ['policyTypes [Egress]: egress alone', [{ ...all, policyTypes: ['Egress'] }], toDb, 'denied > open'],
  [
    'policyTypes [Egress]: ingress rules are not read',
    [{ ...all, policyTypes: ['Egress'], ingress: [{}] }],
    toDb,
    'denied > open',
  ],
  ['policyTypes with both', [{ ...all, ...inAndOut }], toDb, 'denied > denied'],
  ['policyTypes in the other order', [{ ...all, policyTypes: ['Egress', 'Ingress'] }], toDb, 'denied > denied'],
  ['an empty policyTypes is as none', [{ ...all, policyTypes: [] }], toDb, 'open > denied'],
  ['an empty policyTypes is as none', [{ ...all, policyTypes: [], egress: [{}] }], toDb, '0.*.* > denied'],
  ['without any spec, every pod is isolated for ingress', [{}], toDb, 'open > denied'],
];

const rules: readonly Row[] = [
  ['ingress absent: no traffic is allowed', [{ ...all, policyTypes: ['Ingress'] }], toDb, 'open > denied'],
  ['ingress null: no traffic is allowed', [{ ...all, ingress: null }], toDb, 'open > denied'],
  ['ingress []: no traffic is allowed', [{ ...all, ingress: [] }], toDb, 'open > denied'],
  ['ingress [{}]: all sources, all ports', [{ ...all, ingress: [{}] }], toDb, 'open > 0.*.*'],
  ['from []: all sources', [{ ...all, ingress: [{ from: [] }] }], toDb, 'open > 0.*.*'],
  ['from absent: all sources', [{ ...all, ingress: [{ ports: [{ port: 5432 }] }] }], toDb, 'open > 0.*.0'],
  ['from null: all sources', [{ ...all, ingress: [{ from: null }] }], toDb, 'open > 0.*.*'],
  ['all sources: those outside too', [{ ...all, ingress: [{}] }], '203.0.113.9 > shop/db 5432', '- > 0.*.*'],
  ['ports []: all ports', [{ ...all, ingress: [{ ports: [] }] }], toDb, 'open > 0.*.*'],
  ['ports null: all ports', [{ ...all, ingress: [{ ports: null }] }], toDb, 'open > 0.*.*'],
  ['from [] and ports []: everything', [{ ...all, ingress: [{ from: [], ports: [] }] }], toDb, 'open > 0.*.*'],
  ['egress absent: no traffic is allowed', [{ ...all, policyTypes: ['Egress'] }], toDb, 'denied > open'],
  ['egress []: no traffic is allowed', [{ ...all, policyTypes: ['Egress'], egress: [] }], toDb, 'denied > open'],
  ['egress [{}]: all destinations', [{ ...all, policyTypes: ['Egress'], egress: [{}] }], toDb, '0.*.* > open'],
  ['to []: all destinations', [{ ...all, policyTypes: ['Egress'], egress: [{ to: [] }] }], toDb, '0.*.* > open'],
  ['to null: all destinations', [{ ...all, policyTypes: ['Egress'], egress: [{ to: null }] }], toDb, '0.*.* > open'],
  [
    'all destinations: those outside too',
    [{ ...all, policyTypes: ['Egress'], egress: [{}] }],
    'shop/web > 203.0.113.9 443',
    '0.*.* > -',
  ],
  [
    'the traffic must match at least one rule',
    [{ ...all, ingress: [{ ports: [{ port: 1 }] }, {}] }],
    toDb,
    'open > 1.*.*',
  ],
  [
    'a rule that fits both is the one, though another fits half',
    [
      {
        ...all,
        ingress: [
          { ports: [{ port: 5432 }], from: [{ podSelector: { matchLabels: { app: 'api' } } }] },
          { from: [{ podSelector: {} }], ports: [{ port: 1 }] },
        ],
      },
    ],
    toDb,
    'open > denied',
  ],
];

const selection: readonly Row[] = [
  ['an empty podSelector selects all pods in the namespace', [all], 'shop/web > shop/bare 80', 'open > denied'],
  ['podSelector absent is as an empty one', [{ policyTypes: ['Ingress'] }], 'shop/web > shop/bare 80', 'open > denied'],
  ['podSelector selects by labels', [onlyDb], toDb, 'open > denied'],
  ['pods that are not selected stay as they are', [onlyDb], 'shop/web > shop/bare 80', 'open > open'],
  ['a policy selects pods of its own namespace alone', [all], 'shop/web > test/web 8080', 'open > open'],
  [
    'podSelector by expressions',
    [{ podSelector: { matchExpressions: [{ key: 'tier', operator: 'Exists' }] } }],
    toDb,
    'open > denied',
  ],
  [
    'podSelector by expressions',
    [{ podSelector: { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] } }],
    toDb,
    'open > open',
  ],
  [
    'podSelector by expressions',
    [{ podSelector: { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['back'] }] } }],
    'shop/web > shop/bare 80',
    'open > denied',
  ],
  [
    'isolation for egress and for ingress are independent',
    [{ ...onlyDb, policyTypes: ['Egress'] }],
    toDb,
    'open > open',
  ],
  [
    'isolation for egress and for ingress are independent',
    [{ ...onlyDb, policyTypes: ['Egress'] }],
    'shop/db > shop/web 8080',
    'denied > open',
  ],
  ['isolation for ingress does not bind what the pod begins', [onlyDb], 'shop/db > shop/web 8080', 'open > open'],
];

const union: readonly Row[] = [
  ['network policies are additive', [all, { ...all, ingress: [{}] }], toDb, 'open > 0.*.*'],
  ['network policies are additive: the order does not matter', [{ ...all, ingress: [{}] }, all], toDb, 'open > 0.*.*'],
  [
    'the allowed connections are the union of all policies',
    [
      { ...all, ingress: [{ ports: [{ port: 1 }] }] },
      { ...onlyDb, ingress: [{ ports: [{ port: 5432 }] }] },
    ],
    toDb,
    'open > 0.*.0',
  ],
  [
    'a policy for other pods allows nothing here',
    [all, { podSelector: { matchLabels: { app: 'web' } }, ingress: [{}] }],
    toDb,
    'open > denied',
  ],
  [
    'a policy of the other direction allows nothing here',
    [all, { ...all, policyTypes: ['Egress'], egress: [{}] }],
    toDb,
    '0.*.* > denied',
  ],
  ['both sides need to allow it', [{ ...all, ...inAndOut, egress: [{}] }], toDb, '0.*.* > denied'],
  ['both sides need to allow it', [{ ...all, ...inAndOut, ingress: [{}] }], toDb, 'denied > 0.*.*'],
  ['both sides need to allow it', [{ ...all, ...inAndOut, ingress: [{}], egress: [{}] }], toDb, '0.*.* > 0.*.*'],
];

const always: readonly Row[] = [
  ['a pod cannot block access to itself', [{ ...all, ...inAndOut }], 'shop/web > shop/web 8080', 'always > always'],
  [
    'another pod of the same labels is not itself',
    [{ ...all, ...inAndOut }],
    'shop/web > shop/web-2 8080',
    'denied > denied',
  ],
  ['a pod of the same name elsewhere is not itself', [all], 'test/web > shop/web 8080', 'open > denied'],
  ['traffic from the node where a pod runs is always allowed', [all], 'node-b > shop/db 5432', '- > always'],
  [
    'traffic to the node where a pod runs is always allowed',
    [{ ...all, ...inAndOut }],
    'shop/db > node-b 10250',
    'always > -',
  ],
  ['another node is not the one', [all], 'node-a > shop/db 5432', '- > denied'],
  ['another node is not the one', [{ ...all, ...inAndOut }], 'shop/db > node-a 10250', 'denied > -'],
  ["a pod in its own node's network comes from that node", [all], 'kube-system/proxy-b > shop/db 5432', '- > always'],
  ["a pod in another node's network does not", [all], 'kube-system/proxy-a > shop/db 5432', '- > denied'],
  [
    "a pod in its own node's network is that node",
    [{ ...all, ...inAndOut }],
    'shop/db > kube-system/proxy-b 10249',
    'always > -',
  ],
  ['a pod on the same node is not the node', [all], 'shop/bare > shop/web 8080', 'open > denied'],
];

const told = (specs: readonly PolicySpec[], flow: string) => judged(specs, flow);

describe('policyTypes', () => {
  it.each(types)('%s', (_sentence, specs, flow, expected) => expect(told(specs, flow)).toBe(expected));
});
describe('rules', () => {
  it.each(rules)('%s', (_sentence, specs, flow, expected) => expect(told(specs, flow)).toBe(expected));
});
describe('the pods that a policy selects', () => {
  it.each(selection)('%s', (_sentence, specs, flow, expected) => expect(told(specs, flow)).toBe(expected));
});
describe('several policies', () => {
  it.each(union)('%s', (_sentence, specs, flow, expected) => expect(told(specs, flow)).toBe(expected));
});
describe('what no policy can forbid', () => {
  it.each(always)('%s', (_sentence, specs, flow, expected) => expect(told(specs, flow)).toBe(expected));
});
