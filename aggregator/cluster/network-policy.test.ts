/** NetworkPolicies as they are read: what is absent, what is empty, and what is none. */
import { describe, expect, it } from 'vitest';
import { prefix } from '../../test/builders.ts';
import type { NetworkPolicy } from '../model/policy.ts';
import { readList, readObject } from './api-list.ts';
import { networkPolicyKind } from './network-policy.ts';

const metadata = { namespace: 'shop', name: 'p', uid: 'uid-1', creationTimestamp: '2026-11-22T08:00:00Z' };

function read(spec: unknown): NetworkPolicy {
  const reading = readObject({ metadata, spec }, networkPolicyKind);
  if (!reading.ok || reading.value === null) throw new Error('it is a policy');
  return reading.value;
}

function problemsOf(spec: unknown): readonly string[] {
  const reading = readObject({ metadata, spec }, networkPolicyKind);
  return reading.ok ? [] : reading.problems.map((problem) => problem.replace('NetworkPolicy shop/p: ', ''));
}

const all = { matchLabels: {}, matchExpressions: [] };
const rulesOf = (rule: unknown) => read({ ingress: [rule] }).ingress;
const peerOf = (peer: unknown) => rulesOf({ from: [peer] })[0]?.peers[0];
const portOf = (port: unknown) => rulesOf({ ports: [port] })[0]?.ports[0];

describe('a NetworkPolicy', () => {
  it('has all that decides', () => {
    const app = (name: string) => ({ matchLabels: { app: name }, matchExpressions: [] });
    const policy = read({
      podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['db', 'cache'] }] },
      policyTypes: ['Egress', 'Ingress'],
      ingress: [
        {
          from: [
            { podSelector: { matchLabels: { app: 'api' } }, namespaceSelector: {} },
            { ipBlock: { cidr: '10.1.2.3/8', except: ['10.9.0.0/16'] } },
          ],
          ports: [{ port: 5432, endPort: 5440 }, { protocol: 'UDP', port: 'dns' }, { protocol: 'SCTP' }],
        },
      ],
      egress: [{ to: [{ podSelector: { matchLabels: { app: 'web' } } }] }],
    });
    expect(policy).toEqual({
      ...{ namespace: 'shop', name: 'p', uid: 'uid-1', createdAt: '2026-11-22T08:00:00Z' },
      podSelector: { matchLabels: {}, matchExpressions: [{ key: 'app', operator: 'In', values: ['db', 'cache'] }] },
      types: ['ingress', 'egress'],
      ingress: [
        {
          peers: [
            { kind: 'pods', podSelector: app('api'), namespaceSelector: all },
            { kind: 'block', cidr: prefix('10.0.0.0/8'), except: [prefix('10.9.0.0/16')] },
          ],
          ports: [
            { protocol: 'tcp', port: 5432, endPort: 5440 },
            { protocol: 'udp', port: 'dns', endPort: null },
            { protocol: 'sctp', port: null, endPort: null },
          ],
        },
      ],
      egress: [{ peers: [{ kind: 'pods', podSelector: app('web'), namespaceSelector: null }], ports: [] }],
    });
  });

  it.each([
    [{}, ['ingress']],
    [{ ingress: [] }, ['ingress']],
    [{ egress: [] }, ['ingress']],
    [{ egress: [{}] }, ['ingress', 'egress']],
    [{ policyTypes: [], egress: [{}] }, ['ingress', 'egress']],
    [{ policyTypes: null }, ['ingress']],
    [{ policyTypes: ['Egress'], ingress: [{}] }, ['egress']],
    [{ policyTypes: ['Ingress'], egress: [{}] }, ['ingress']],
  ])('of %j speaks of %j', (spec, types) => {
    expect(read(spec).types).toEqual(types);
  });

  it.each([undefined, null, {}])('with the selector %j selects all pods', (podSelector) => {
    expect(read({ podSelector }).podSelector).toEqual(all);
  });

  it.each([
    [undefined, []],
    [[], []],
    [[{}], [{ peers: [], ports: [] }]],
  ])('with the rules %j has %j: none lets nobody in, an empty one everyone', (ingress, rules) => {
    expect(read({ ingress }).ingress).toEqual(rules);
  });

  it('without a spec is one that lets nothing in', () => {
    expect(read(undefined)).toMatchObject({ podSelector: all, types: ['ingress'], ingress: [], egress: [] });
  });
});

describe('a peer', () => {
  it.each([
    [{ podSelector: {} }, { kind: 'pods', podSelector: all, namespaceSelector: null }],
    [{ namespaceSelector: {} }, { kind: 'pods', podSelector: null, namespaceSelector: all }],
    [{ ipBlock: { cidr: 'fd00::1/64' } }, { kind: 'block', cidr: 'fd00::/64', except: [] }],
    [{ ipBlock: { cidr: '10.0.010.0/24' } }, { kind: 'block', cidr: '10.0.10.0/24', except: [] }],
  ])('%j is %j', (peer, expected) => {
    expect(peerOf(peer)).toEqual(expected);
  });
});

describe('a port', () => {
  it.each([
    [{}, { protocol: 'tcp', port: null, endPort: null }],
    [{ port: 80 }, { protocol: 'tcp', port: 80, endPort: null }],
    [{ port: '80' }, { protocol: 'tcp', port: '80', endPort: null }],
    [
      { port: 80, endPort: 80 },
      { protocol: 'tcp', port: 80, endPort: 80 },
    ],
  ])('%j is %j', (port, expected) => {
    expect(portOf(port)).toEqual(expected);
  });
});

describe('what is no NetworkPolicy', () => {
  it.each([
    [{ policyTypes: ['ingress'] }, 'spec.policyTypes[0] is "ingress", expected one of Ingress, Egress'],
    [
      { ingress: [{ from: [{}] }] },
      'spec.ingress[0].from[0] is {}, expected a podSelector, a namespaceSelector or an ipBlock',
    ],
    [
      { ingress: [{ from: [{ podSelector: {}, ipBlock: {} }] }] },
      'spec.ingress[0].from[0] is {"podSelector":{},"ipBlock":{}}, expected no selector beside an ipBlock',
    ],
    [
      { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.1' } }] }] },
      'spec.egress[0].to[0].ipBlock.cidr is "10.0.0.1", expected a prefix like 10.0.0.0/8',
    ],
    [
      { egress: [{ to: [{ ipBlock: { cidr: '::/0', except: ['x'] } }] }] },
      'spec.egress[0].to[0].ipBlock.except[0] is "x", expected a prefix like 10.0.0.0/8',
    ],
    [{ ingress: [{ ports: [{ port: 0 }] }] }, 'spec.ingress[0].ports[0].port is 0, expected a port from 1 to 65535'],
    [
      { ingress: [{ ports: [{ port: 'http', endPort: 9 }] }] },
      'spec.ingress[0].ports[0].endPort is 9, expected no endPort without a port that is a number',
    ],
    [
      { ingress: [{ ports: [{ port: 10, endPort: 9 }] }] },
      'spec.ingress[0].ports[0].endPort is 9, expected a port from 10 on',
    ],
    [
      { ingress: [{ ports: [{ protocol: 'ICMP' }] }] },
      'spec.ingress[0].ports[0].protocol is "ICMP", expected one of TCP, UDP, SCTP',
    ],
    [
      { podSelector: { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] } },
      'spec.podSelector.matchExpressions[0].operator is "Gt", expected one of In, NotIn, Exists, DoesNotExist',
    ],
    [
      { podSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: [] }] } },
      'spec.podSelector.matchExpressions[0].values is [], expected values to compare with',
    ],
    [
      { podSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } },
      'spec.podSelector.matchExpressions[0].values is ["b"], expected no values',
    ],
    [{ podSelector: { matchLabels: { app: 1 } } }, 'spec.podSelector.matchLabels.app is 1, expected a string'],
    [{ ingress: {} }, 'spec.ingress is {}, expected a list'],
  ])('is told: %j', (spec, problem) => {
    expect(problemsOf(spec)).toEqual([problem]);
  });

  it('makes its whole list unread: a policy that is passed over would be one that allows', () => {
    const items = [
      { metadata, spec: {} },
      { metadata: { ...metadata, name: 'q' }, spec: { egress: 'x' } },
    ];
    expect(readList({ kind: 'NetworkPolicyList', items }, networkPolicyKind)).toEqual({
      ok: false,
      problems: ['NetworkPolicy shop/q: spec.egress is "x", expected a list'],
    });
  });
});
