/** Every scenario is what the API server held in recording s1-healthy, with one thing changed where that is said. */
import { describe, expect, it } from 'vitest';
import { recordedSnapshot, withoutEndpoints, withPods, withServices } from '../../test/recorded-snapshot.ts';
import { objectsOf } from '../audit/objects.ts';
import type { ClusterSnapshot } from '../model/cluster.ts';
import { subjectText, type Violation } from '../model/finding.ts';
import { serviceSelectsNothing } from './service-selects-nothing.ts';

const s1 = recordedSnapshot('s1-healthy');

function found(snapshot: ClusterSnapshot): readonly Violation[] {
  return serviceSelectsNothing.evaluate({ nodes: [], objects: objectsOf(snapshot) });
}

/** What is said of one Service. */
function saidOf(name: string, snapshot: ClusterSnapshot): readonly Violation[] {
  return found(snapshot).filter(({ subject }) => subjectText(subject).split(':')[0] === name);
}

function only(violations: readonly Violation[]): Violation {
  const [violation, ...more] = violations;
  if (violation === undefined || more.length > 0) throw new Error(`one was expected: ${JSON.stringify(violations)}`);
  return violation;
}

/** The Service selects these labels, and has no endpoint. */
function selecting(name: string, selector: Readonly<Record<string, string>>, from = s1): ClusterSnapshot {
  const changed = withServices(from, (one) => (`${one.namespace}/${one.name}` === name ? { selector } : undefined));
  return withoutEndpoints(changed, name);
}

describe('of all Services recorded in sync (s1)', () => {
  it('those are told whose objects deserve it, and no other', () => {
    expect(found(s1).map(({ subject, summary }) => [subjectText(subject), summary])).toEqual([
      ['batch/worker', 'batch/worker has no endpoint that is ready: none of the 2 pods with app=worker is ready.'],
      [
        'batch/worker-lb',
        'batch/worker-lb has no endpoint that is ready: none of the 2 pods with app=worker is ready.',
      ],
      ['shop/typo', 'shop/typo selects app=wbe, which no pod in shop has; 3 pods have app=web.'],
    ]);
  });

  it('not one that publishes pods that are not ready (batch/worker-early), nor one whose only pod drains (shop/draining)', () => {
    const names = found(s1).map(({ subject }) => subjectText(subject));
    expect(names).not.toContain('batch/worker-early');
    expect(names).not.toContain('shop/draining');
  });
});

describe('a selector with a slip of the pen', () => {
  it('is told with the label that it may have meant, and the command that mends it (s1: shop/typo)', () => {
    expect(only(saidOf('shop/typo', s1))).toEqual({
      subject: { kind: 'Service', namespace: 'shop', name: 'typo', port: '', protocol: 'tcp' },
      summary: 'shop/typo selects app=wbe, which no pod in shop has; 3 pods have app=web.',
      evidence: [
        { kind: 'fact', name: 'selector', value: 'app=wbe' },
        { kind: 'fact', name: 'app=wbe', value: 'no pod has it; nearest: app=web' },
      ],
      remediation: [
        {
          command: 'kubectl -n shop get pods -l app=web --show-labels',
          effect:
            'Shows the pods that may have been meant. Where their label is the slip, correct it in the template that makes them.',
        },
        {
          command: `kubectl -n shop patch service typo --type merge -p '{"spec":{"selector":{"app":"web"}}}'`,
          effect: 'Makes the Service select 3 pods: app=web. Correct it where the Service is written down, too.',
        },
      ],
      frontends: [],
      topics: ['endpoints of shop/typo'],
    });
  });

  it('may be in the key, which the patch then takes away (s1, shop/web selects k8s-app=web)', () => {
    const { summary, remediation } = only(saidOf('shop/web', selecting('shop/web', { 'k8s-app': 'web' })));
    expect(summary).toBe('shop/web selects k8s-app=web, which no pod in shop has; 3 pods have app=web.');
    expect(remediation[1]?.command).toBe(
      `kubectl -n shop patch service web --type merge -p '{"spec":{"selector":{"k8s-app":null,"app":"web"}}}'`,
    );
  });

  it('may be in one label of several (s1, shop/draining-mixed selects app=drain,set=al)', () => {
    const snapshot = selecting('shop/draining-mixed', { app: 'drian', set: 'all' });
    expect(only(saidOf('shop/draining-mixed', snapshot)).summary).toBe(
      'shop/draining-mixed selects app=drian,set=all, which no pod in shop has; 2 pods have app=drain.',
    );
  });

  it('may be on the side of the pods: nobody else selects these (s1, the pods of payments/ledger have app=legder)', () => {
    const snapshot = withPods(s1, ({ labels }) =>
      labels.app === 'ledger' ? { labels: { app: 'legder' } } : undefined,
    );
    expect(only(saidOf('payments/ledger', withoutEndpoints(snapshot, 'payments/ledger'))).summary).toBe(
      'payments/ledger selects app=ledger, which no pod in payments has; 2 pods have app=legder.',
    );
  });
});

describe('a selector that matches nothing, with nothing near', () => {
  it('is of low severity: it is scaled to zero, as KEDA does (s1, the pods of shop/cart taken out)', () => {
    const snapshot = withoutEndpoints(
      withPods(s1, ({ labels }) => (labels.app === 'cart' ? null : undefined)),
      'shop/cart',
    );
    const { summary, severity, evidence } = only(saidOf('shop/cart', snapshot));
    expect([severity, summary]).toEqual([
      'low',
      'shop/cart has no endpoint: no pod in shop has app=cart, and none has anything like it. It may be scaled to zero, so this is of low severity.',
    ]);
    expect(evidence).toContainEqual({ kind: 'fact', name: 'pods with app=cart', value: '0' });
  });

  it('is no slip where names are told apart by a number (s1, the pods of shop/web have app=shard-1, and shop/cart selects app=shard-2)', () => {
    const pods = withPods(s1, ({ labels }) => (labels.app === 'web' ? { labels: { app: 'shard-1' } } : undefined));
    expect(only(saidOf('shop/cart', selecting('shop/cart', { app: 'shard-2' }, pods))).severity).toBe('low');
  });

  it('is no slip where the Service is called what it selects, and the pods nearby are selected by another (s1, shop/cart has no pods, and those of shop/web are called card)', () => {
    const pods = withPods(s1, ({ labels }) =>
      labels.app === 'cart' ? null : labels.app === 'web' ? { labels: { app: 'card' } } : undefined,
    );
    const web = withServices(pods, ({ name }) => (name === 'web' ? { selector: { app: 'card' } } : undefined));
    expect(only(saidOf('shop/cart', withoutEndpoints(web, 'shop/cart'))).severity).toBe('low');
  });

  it('counts pods that have ended as none (s1, the pods of edge/agent have failed)', () => {
    const pods = withPods(s1, ({ labels }) => (labels.app === 'agent' ? { phase: 'Failed', ready: false } : undefined));
    const { summary, severity } = only(saidOf('edge/agent', withoutEndpoints(pods, 'edge/agent')));
    expect([severity, summary]).toEqual([
      'low',
      'edge/agent has no endpoint: all that matched app=agent have ended, and none has anything like it. It may be scaled to zero, so this is of low severity.',
    ]);
  });
});

describe('pods that match and cannot be used', () => {
  it('are named with their state where none is ready (s1: batch/worker)', () => {
    const { evidence, remediation, severity } = only(saidOf('batch/worker', s1));
    expect(severity).toBeUndefined();
    expect(evidence).toEqual([
      { kind: 'fact', name: 'selector', value: 'app=worker' },
      { kind: 'fact', name: 'worker-0', value: 'Running, not ready, on node-a' },
      { kind: 'fact', name: 'worker-1', value: 'Running, not ready, on node-b' },
    ]);
    expect(remediation.map(({ command }) => command)).toEqual([
      'kubectl -n batch get pods -l app=worker -o wide',
      'kubectl -n batch describe pod worker-0',
    ]);
  });

  it('are all being deleted, and do not serve any more (s1, shop/draining without its endpoint)', () => {
    expect(only(saidOf('shop/draining', withoutEndpoints(s1, 'shop/draining'))).summary).toBe(
      'shop/draining has no endpoint left: 1 pod with app=drain,set=gone is being deleted, and there is no other.',
    );
  });

  it('have no port of the name, for one port of the Service (s1, shop/api leads to grcp, so that its slices have no such port)', () => {
    const renamed = withServices(s1, (service) =>
      service.namespace === 'shop' && service.name === 'api'
        ? { ports: service.ports.map((port) => (port.name === 'grpc' ? { ...port, targetName: 'grcp' } : port)) }
        : undefined,
    );
    const endpointSlices = renamed.endpointSlices.map((slice) =>
      slice.serviceName === 'api' ? { ...slice, ports: slice.ports.filter(({ name }) => name !== 'grpc') } : slice,
    );
    const { subject, summary, remediation } = only(saidOf('shop/api', { ...renamed, endpointSlices }));
    expect(subjectText(subject)).toBe('shop/api:grpc');
    expect(summary).toBe(
      'shop/api:grpc has no endpoint: it leads to a port named grcp, and no container of 4 ready pods has one; there is grpc.',
    );
    expect(remediation.map(({ command }) => command)).toEqual([
      `kubectl -n shop patch service api --type json -p '[{"op":"replace","path":"/spec/ports/0/targetPort","value":"grpc"}]'`,
    ]);
  });

  it('are ready, and no slice has them (s1, the slices of shop/web taken out)', () => {
    const { summary, remediation } = only(saidOf('shop/web', withoutEndpoints(s1, 'shop/web')));
    expect(summary).toBe('shop/web has no endpoint: 3 pods with app=web are ready, and no EndpointSlice has them.');
    expect(remediation).toHaveLength(2);
  });

  it('have no address of the family that the Service has (s1, pods of payments/ledger-v6 without IPv6)', () => {
    const pods = withPods(s1, ({ labels, addresses }) =>
      labels.app === 'ledger' ? { addresses: addresses.filter((address) => !address.includes(':')) } : undefined,
    );
    expect(only(saidOf('payments/ledger-v6', withoutEndpoints(pods, 'payments/ledger-v6'))).summary).toBe(
      "payments/ledger-v6 has no endpoint: 2 pods with app=ledger are ready, and none has an address of the Service's family.",
    );
  });
});

describe("a Service that is nobody's fault", () => {
  it('has no selector, is headless or leads to a name elsewhere (s1: shop/manual, shop/headless, shop/ext)', () => {
    const bare = ['shop/manual', 'shop/headless', 'shop/ext'].reduce(withoutEndpoints, s1);
    expect(found(bare)).toHaveLength(3);
  });
});
