import { describe, expect, it } from 'vitest';
import { policy, type PolicySpec, world } from '../../test/policy-world.ts';
import { policySelectsNothing } from './policy-selects-nothing.ts';

const told = (spec: PolicySpec) =>
  policySelectsNothing.evaluate({ nodes: [], objects: world([policy('shop/p', spec)]) }).map(({ summary }) => summary);
const selecting = (labels: object) => ({ podSelector: { matchLabels: labels } });
const web = selecting({ app: 'web' });
const from = (peer: object, ports: readonly object[] = []) => ({ ...web, ingress: [{ from: [peer], ports }] });

describe('policy-selects-nothing', () => {
  it('a slip of the pen in the podSelector', () => {
    expect(told(selecting({ app: 'wbe' }))).toEqual([
      'In shop/p, its podSelector app=wbe selects no pod; 3 pods have app=web.',
    ]);
  });

  it('a slip of the pen in a peer', () => {
    expect(told(from({ podSelector: { matchLabels: { tier: 'frnt' } } }))[0]).toContain(
      'peer 0 of ingress rule 0 matches no pod: tier=frnt; 3 pods have tier=front',
    );
  });

  it('a label that no Namespace has', () => {
    expect(told(from({ namespaceSelector: { matchLabels: { name: 'test' } } }))[0]).toContain(
      'no Namespace has the label name=test; test is near',
    );
  });

  it('a port by a name that no container has', () => {
    expect(told(from({ podSelector: {} }, [{ port: 'https' }]))[0]).toContain(
      'ingress rule 0 names the tcp port https, which no container of its pods has: they have http and metrics',
    );
  });

  it.each<readonly [string, PolicySpec]>([
    ['all match', from({ namespaceSelector: { matchLabels: { team: 'a' } } }, [{ port: 'http' }])],
    ['everything is selected', { podSelector: {} }],
    ['nothing resembles what is asked for', selecting({ app: 'payments' })],
    [
      'a Namespace is named by its name',
      from({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'test' } } }),
    ],
    [
      'a Namespace is named that is not there: it may come',
      from({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }),
    ],
    ['a peer is a block', from({ ipBlock: { cidr: '203.0.113.0/24' } })],
  ])('nothing where %s', (_, spec) => {
    expect(told(spec)).toEqual([]);
  });
});
