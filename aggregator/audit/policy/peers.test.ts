/** Who is a peer: `from` and `to` of rules (NetworkPolicyPeer v1, "Behavior of to and from selectors"). */
import { describe, expect, it } from 'vitest';
import {
  answersOf,
  flow,
  inShort,
  judged,
  namespace,
  type PolicySpec,
  policy,
  world,
} from '../../../test/policy-world.ts';

const podsWith = (app: string) => ({ podSelector: { matchLabels: { app } } });
const namespacesWith = (labels: object) => ({ namespaceSelector: { matchLabels: labels } });
const expression = (key: string, operator: string, ...values: readonly string[]) => ({
  matchExpressions: [{ key, operator, ...(values.length === 0 ? {} : { values }) }],
});
const block = (cidr: string, ...except: readonly string[]) => ({
  ipBlock: { cidr, ...(except.length === 0 ? {} : { except }) },
});
const named = 'kubernetes.io/metadata.name';

type Row = readonly [sentence: string, peers: readonly object[], flow: string, told: string];

/** Peers of an ingress rule of shop, for all of its pods. */
const sources: readonly Row[] = [
  ["podSelector: pods of the policy's own namespace", [podsWith('web')], 'shop/web > shop/db 5432', 'open > 0.0.*'],
  ['podSelector: with other labels, not', [podsWith('api')], 'shop/web > shop/db 5432', 'open > denied'],
  ['podSelector: of another namespace, not', [podsWith('web')], 'test/web > shop/db 5432', 'open > denied'],
  ['podSelector {}: all pods of the namespace', [{ podSelector: {} }], 'shop/bare > shop/db 5432', 'open > 0.0.*'],
  ['podSelector {}: of no other namespace', [{ podSelector: {} }], 'test/web > shop/db 5432', 'open > denied'],
  ['podSelector {}: nobody outside', [{ podSelector: {} }], '203.0.113.9 > shop/db 5432', '- > denied'],
  [
    'podSelector In',
    [{ podSelector: expression('app', 'In', 'web', 'api') }],
    'shop/web > shop/db 5432',
    'open > 0.0.*',
  ],
  [
    'podSelector NotIn: pods without the label too',
    [{ podSelector: expression('app', 'NotIn', 'web') }],
    'shop/bare > shop/db 5432',
    'open > 0.0.*',
  ],
  [
    'podSelector NotIn',
    [{ podSelector: expression('app', 'NotIn', 'web') }],
    'shop/web > shop/db 5432',
    'open > denied',
  ],
  ['podSelector Exists', [{ podSelector: expression('tier', 'Exists') }], 'shop/bare > shop/db 5432', 'open > denied'],
  [
    'podSelector DoesNotExist',
    [{ podSelector: expression('tier', 'DoesNotExist') }],
    'shop/bare > shop/db 5432',
    'open > 0.0.*',
  ],
  [
    'namespaceSelector: all pods of these namespaces',
    [namespacesWith({ env: 'test' })],
    'test/cron > shop/db 5432',
    'open > 0.0.*',
  ],
  [
    'namespaceSelector: with other labels, not',
    [namespacesWith({ env: 'prod' })],
    'test/cron > shop/db 5432',
    'open > denied',
  ],
  [
    'namespaceSelector: the own namespace where it is selected',
    [namespacesWith({ env: 'prod' })],
    'shop/bare > shop/db 5432',
    'open > 0.0.*',
  ],
  [
    'namespaceSelector: the own namespace only where it is selected',
    [namespacesWith({ env: 'test' })],
    'shop/bare > shop/db 5432',
    'open > denied',
  ],
  ['namespaceSelector {}: all namespaces', [{ namespaceSelector: {} }], 'test/web > shop/db 5432', 'open > 0.0.*'],
  [
    'namespaceSelector {}: those without labels too',
    [{ namespaceSelector: {} }],
    'kube-system/dns > shop/db 5432',
    'open > 0.0.*',
  ],
  ['namespaceSelector {}: the own too', [{ namespaceSelector: {} }], 'shop/web > shop/db 5432', 'open > 0.0.*'],
  [
    'namespaceSelector {}: pods alone, nobody outside',
    [{ namespaceSelector: {} }],
    '203.0.113.9 > shop/db 5432',
    '- > denied',
  ],
  [
    "the label of the namespace's name is set by the control plane",
    [namespacesWith({ [named]: 'test' })],
    'test/web > shop/db 5432',
    'open > 0.0.*',
  ],
  [
    "the label of the namespace's name is set by the control plane",
    [namespacesWith({ [named]: 'shop' })],
    'test/web > shop/db 5432',
    'open > denied',
  ],
  [
    'namespaces by several names',
    [{ namespaceSelector: expression(named, 'In', 'a', 'test') }],
    'test/web > shop/db 5432',
    'open > 0.0.*',
  ],
  [
    'all namespaces but one',
    [{ namespaceSelector: expression(named, 'NotIn', 'test') }],
    'test/web > shop/db 5432',
    'open > denied',
  ],
  [
    'namespaceSelector DoesNotExist',
    [{ namespaceSelector: expression('team', 'DoesNotExist') }],
    'kube-system/dns > shop/db 5432',
    'open > 0.0.*',
  ],
  [
    'both in one entry: pods within namespaces',
    [{ ...podsWith('web'), ...namespacesWith({ team: 'a' }) }],
    'test/web > shop/db 5432',
    'open > 0.0.*',
  ],
  [
    'both in one entry: the pod must fit',
    [{ ...podsWith('web'), ...namespacesWith({ team: 'a' }) }],
    'test/cron > shop/db 5432',
    'open > denied',
  ],
  [
    'both in one entry: the namespace must fit',
    [{ ...podsWith('web'), ...namespacesWith({ env: 'prod' }) }],
    'test/web > shop/db 5432',
    'open > denied',
  ],
  [
    'both in one entry, in the own namespace',
    [{ ...podsWith('web'), ...namespacesWith({ env: 'prod' }) }],
    'shop/web > shop/db 5432',
    'open > 0.0.*',
  ],
  ['both empty: all pods', [{ podSelector: {}, namespaceSelector: {} }], 'test/cron > shop/db 5432', 'open > 0.0.*'],
  [
    'podSelector {} with namespaceSelector',
    [{ podSelector: {}, ...namespacesWith({ env: 'test' }) }],
    'test/cron > shop/db 5432',
    'open > 0.0.*',
  ],
  [
    'two entries: local pods of the label or any pod of the namespace',
    [podsWith('web'), namespacesWith({ env: 'test' })],
    'test/cron > shop/db 5432',
    'open > 0.1.*',
  ],
  [
    'two entries: local pods of the label or any pod of the namespace',
    [podsWith('web'), namespacesWith({ env: 'test' })],
    'shop/web > shop/db 5432',
    'open > 0.0.*',
  ],
  [
    'two entries: not other local pods',
    [podsWith('web'), namespacesWith({ env: 'test' })],
    'shop/bare > shop/db 5432',
    'open > denied',
  ],
  ['a pod that has ended is no peer', [podsWith('web')], 'shop/done > shop/db 5432', '- > denied'],
  ['a pod that starts is a peer by its labels', [podsWith('web')], 'shop/starting > shop/db 5432', 'open > 0.0.*'],
];

/** Peers of an egress rule of shop, for all of its pods. */
const destinations: readonly Row[] = [
  ['podSelector', [podsWith('db')], 'shop/web > shop/db 5432', '0.0.* > open'],
  ['podSelector', [podsWith('db')], 'shop/web > shop/bare 5432', 'denied > open'],
  ['podSelector: of another namespace, not', [podsWith('web')], 'shop/db > test/web 8080', 'denied > open'],
  ['podSelector {}', [{ podSelector: {} }], 'shop/web > shop/bare 80', '0.0.* > open'],
  ['namespaceSelector', [namespacesWith({ env: 'test' })], 'shop/web > test/cron 80', '0.0.* > open'],
  ['namespaceSelector', [namespacesWith({ env: 'test' })], 'shop/web > shop/db 80', 'denied > open'],
  [
    'namespaceSelector {}: pods alone, nobody outside',
    [{ namespaceSelector: {} }],
    'shop/web > 203.0.113.9 443',
    'denied > -',
  ],
  [
    'both in one entry',
    [{ podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } }, ...namespacesWith({ [named]: 'kube-system' }) }],
    'shop/web > kube-system/dns 5353/udp',
    '0.0.* > open',
  ],
  [
    'both in one entry',
    [{ podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } }, ...namespacesWith({ [named]: 'test' }) }],
    'shop/web > kube-system/dns 5353/udp',
    'denied > open',
  ],
  [
    "the DNS pods' label without their namespace means pods of shop",
    [{ podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }],
    'shop/web > kube-system/dns 5353/udp',
    'denied > open',
  ],
  ['ipBlock', [block('203.0.113.0/24')], 'shop/web > 203.0.113.9 443', '0.0.* > -'],
  ['ipBlock with except', [block('0.0.0.0/0', '10.0.0.0/8')], 'shop/web > 203.0.113.9 443', '0.0.* > -'],
  [
    'ipBlock with except: everything but the cluster',
    [block('0.0.0.0/0', '10.0.0.0/8')],
    'shop/web > shop/db 5432',
    'denied > open',
  ],
  ['ipBlock of a pod', [block('10.244.2.0/24')], 'shop/web > shop/db 5432', '0.0.* > open'],
];

const ingress = (peers: readonly object[]): readonly PolicySpec[] => [{ podSelector: {}, ingress: [{ from: peers }] }];
const egress = (peers: readonly object[]): readonly PolicySpec[] => [
  { podSelector: {}, policyTypes: ['Egress'], egress: [{ to: peers }] },
];

describe('sources by labels', () => {
  it.each(sources)('%s', (_sentence, peers, text, told) => expect(judged(ingress(peers), text)).toBe(told));
});
describe('destinations', () => {
  it.each(destinations)('%s', (_sentence, peers, text, told) => expect(judged(egress(peers), text)).toBe(told));
});

describe('a namespace that is not known', () => {
  const asked = (selector: object) => {
    const objects = world(
      [policy('shop/p', { podSelector: {}, ingress: [{ from: [{ namespaceSelector: selector }] }] })],
      {
        namespaces: [namespace('shop')],
      },
    );
    return inShort(answersOf(objects).flow(flow('test/web > shop/db 5432', objects)));
  };

  it.each([
    ['is selected by its name', { matchLabels: { [named]: 'test' } }, 'open > 0.0.*'],
    ['is none of another name', { matchLabels: { [named]: 'other' } }, 'open > denied'],
    ['is one of all', {}, 'open > 0.0.*'],
    ['may have any other label', { matchLabels: { env: 'test' } }, 'open > unknown'],
  ])('%s', (_sentence, selector, told) => expect(asked(selector)).toBe(told));
});
