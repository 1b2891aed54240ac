import { describe, expect, it } from 'vitest';
import { node, service, slice } from '../../test/builders.ts';
import {
  dropped,
  everyone,
  forwardTo,
  frontend,
  nodeView,
  objects,
  type ViewSketch,
} from '../../test/view-builders.ts';
import type { ClusterSnapshot } from '../model/cluster.ts';
import { nodeNameMismatch } from './node-name-mismatch.ts';

const host = { nodeName: { value: 'ip-192-0-2-11', source: 'configz' } } as const;
const unnamed = { nodeName: { source: 'unknown', reason: 'kube-proxy takes the name of its host' } } as const;

const front = 'tcp 203.0.113.20:80';
const mail = 'tcp 203.0.113.21:25';
const localServices = [
  service('edge/front').port(80).loadBalancerIP('203.0.113.20').externalLocal().built,
  service('edge/mail').port(25).loadBalancerIP('203.0.113.21').externalLocal().built,
];
const slicesHere = [
  slice('edge/front').port(8080).ready('10.244.1.2', { node: 'node-a' }).built,
  slice('edge/mail').port(2525).ready('10.244.1.3', { node: 'node-a' }).built,
];

const served = { desired: [], observed: [] };
const plain = service('shop/web').port(80).built;

function found(known: Partial<ClusterSnapshot>, sketch: ViewSketch) {
  return nodeNameMismatch.evaluate(nodeView({ ...served, ...sketch, objects: objects(known) }));
}

/** kube-proxy drops what is for endpoints on the node. */
const blindRows: ViewSketch = {
  desired: [
    [front, everyone(forwardTo('10.244.1.2:8080'))],
    [mail, everyone(forwardTo('10.244.1.3:2525'))],
  ],
  observed: [
    [front, everyone(dropped)],
    [mail, everyone(dropped)],
  ],
  owners: { [front]: 'edge/front', [mail]: 'edge/mail' },
  profile: unnamed,
};

// test/scenarios/node-names.test.ts has it on a recorded node.
describe('node-name-mismatch', () => {
  it('kube-proxy names itself after the host, and a Service has a Local policy', () => {
    expect(found({ services: localServices }, { profile: host })).toEqual([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary:
          'kube-proxy on node-a takes its node for ip-192-0-2-11, which no Node has: it takes no endpoint here for local, and does not know the zone.',
        evidence: [
          { kind: 'fact', name: "the Node's name", value: 'node-a' },
          { kind: 'fact', name: "kube-proxy's node name", value: 'ip-192-0-2-11' },
        ],
        remediation: [
          expect.objectContaining({ command: expect.stringContaining('spec.nodeName=node-a -l k8s-app=kube-proxy') }),
          expect.objectContaining({ command: expect.stringContaining('--hostname-override=$(KUBE_PROXY_NODE)') }),
        ],
        frontends: [],
        explains: [],
      },
    ]);
  });

  it('hints make it matter too; without either the severity is low', () => {
    const hinted = slice('shop/web')
      .port(8080)
      .ready('10.244.1.2', { zoneHints: ['zone-a'] }).built;
    const severities = [[hinted], []].map((endpointSlices) =>
      found({ services: [plain], endpointSlices }, { profile: host }).map(({ severity }) => severity),
    );
    expect(severities).toEqual([[undefined], ['low']]);
  });

  it('the name of another Node is told with the zone that is taken for this one', () => {
    const other = { ...node('ip-192-0-2-11'), zone: 'zone-b' };
    const [violation] = found({ services: localServices, nodes: [other] }, { profile: host });
    expect(violation?.summary).toContain('which is that of another Node');
    expect(violation?.evidence[2]).toEqual({ kind: 'fact', name: 'zone of ip-192-0-2-11', value: 'zone-b' });
  });

  it('a hinted Service that is served as for no zone follows from it, another does not', () => {
    const services = [service('shop/web').port(80).clusterIP('10.96.0.1').built, ...localServices];
    const hinted = slice('shop/web')
      .port(80)
      .ready('10.244.1.2', { zoneHints: ['zone-a'] }).built;
    const keys = ['tcp 10.96.0.1:80', front] as const;
    const [violation] = found(
      { services, endpointSlices: [hinted] },
      {
        profile: host,
        desired: keys.map((key) => [key, everyone(forwardTo('10.244.1.2:80'))]),
        observed: keys.map((key) => [key, everyone(forwardTo('10.244.1.2:80', '10.244.9.9:80'))]),
        owners: { [keys[0]]: 'shop/web', [front]: 'edge/front' },
      },
    );
    expect(violation?.explains).toEqual([frontend(keys[0])]);
  });

  it('the same name is none, and without a name of either side nothing is said', () => {
    expect(found({ services: localServices }, {})).toEqual([]);
    expect(found({ services: localServices }, { profile: unnamed })).toEqual([]);
    const view = nodeView({ ...served, profile: host, objects: objects({ services: localServices }) });
    expect(nodeNameMismatch.evaluate({ ...view, node: null })).toEqual([]);
  });

  describe('where kube-proxy shows no name', () => {
    it('it drops what is for every local endpoint here: it is the cause of all that', () => {
      expect(found({ services: localServices, endpointSlices: slicesHere }, blindRows)).toMatchObject([
        {
          summary:
            'kube-proxy on node-a treats edge/front and edge/mail as if no endpoint were here, and they are all the Services with a Local policy that have one: it seems to take its node for another.',
          frontends: [frontend(front), frontend(mail)],
          explains: [frontend(front), frontend(mail)],
        },
      ]);
    });

    it('one Service is served by its local endpoint: it knows its name', () => {
      const observed = [
        [front, everyone(dropped)],
        [mail, everyone(forwardTo('10.244.1.3:2525'))],
      ] as const;
      const known = { services: localServices, endpointSlices: slicesHere };
      expect(found(known, { ...blindRows, observed })).toEqual([]);
      const third = service('edge/game').port(7000).loadBalancerIP('203.0.113.22').externalLocal().built;
      const there = slice('edge/game').port(7000).ready('10.244.1.4', { node: 'node-a' }).built;
      const more = { services: [...localServices, third], endpointSlices: [...slicesHere, there] };
      expect(found(more, blindRows)).toEqual([]);
    });

    it('Services of policy Cluster that are dropped, or endpoints elsewhere, say nothing of names', () => {
      const anywhere = localServices.map((one) => ({ ...one, externalTrafficPolicy: 'Cluster' as const }));
      expect(found({ services: anywhere, endpointSlices: slicesHere }, blindRows)).toEqual([]);
      const elsewhere = slicesHere.map((one) => ({
        ...one,
        endpoints: one.endpoints.map((endpoint) => ({ ...endpoint, nodeName: 'node-b' })),
      }));
      expect(found({ services: localServices, endpointSlices: elsewhere }, blindRows)).toEqual([]);
    });
  });
});
