/**
 * Pods of the CNI plugins bridge and ptp: each fault made by hand is found by the check for it and by no other, and is
 * gone once the remedy that the finding prints was run.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as cni from './cni-faults.ts';
import { type Situation, toldOf } from './fault-findings.ts';
import { findingsBelowServices } from './judged-nodes.ts';
import type { PodLab } from './lab-nodes.ts';
import { endsOf } from './lab-passages.ts';
import { removeAbandoned } from './namespaces.ts';
import * as ofNode from './node-faults.ts';
import * as ofPod from './pod-faults.ts';
import { openPodLab } from './pod-lab.ts';

/** With either plugin. */
const ofBoth: readonly Situation[] = [
  {
    what: "a pod's veth is switched off",
    fault: ({ one, from }) => ofPod.vethDown(one, from),
    told: ['pod-unwired node-1 shop/web-1a'],
  },
  {
    what: "a pod's veth is deleted",
    fault: ({ one, from }) => void ofPod.vethDeleted(one, from),
    told: ['pod-address-mismatch node-1 shop/web-1a <- pod-unwired', 'pod-unwired node-1 shop/web-1a'],
  },
  {
    what: "a pod's address is removed inside it",
    fault: ({ from }) => ofPod.addressRemoved(from),
    told: ['pod-address-mismatch node-1 shop/web-1a'],
  },
  {
    what: 'a pod has another address than the API says',
    fault: ({ from }) => ofPod.addressReplaced(from, '10.244.1.77'),
    told: ['pod-address-mismatch node-1 shop/web-1a', 'pod-default-route node-1 shop/web-1a <- pod-address-mismatch'],
  },
  {
    what: "a pod's default route is removed",
    fault: ({ from }) => ofPod.defaultRouteRemoved(from),
    told: ['pod-default-route node-1 shop/web-1a'],
  },
  {
    what: 'the route to a pod leads elsewhere',
    fault: ({ one, from }) => ofPod.podRouteMisdirected(one, from, 'eth0'),
    told: ['pod-route-misdirected node-1 shop/web-1a'],
  },
  {
    what: 'an address stays reserved for a sandbox that is gone',
    fault: ({ one }) => cni.reservationLeft(one, 99),
    told: ['ipam-leak node-1 node-1'],
  },
  {
    what: 'all addresses are reserved, and a pod waits for one',
    fault: async ({ one }) => {
      const undo = cni.rangeUsedUp(one);
      await one.addPod('waits');
      return undo;
    },
    told: [
      'ipam-leak node-1 node-1',
      'pod-without-ip node-1 shop/waits <- ipam-leak',
      'sandbox-failing node-1 node-1 <- ipam-leak',
    ],
  },
  {
    what: 'there is no CNI configuration',
    fault: ({ one }) => cni.configurationsRemoved(one),
    told: ['cni-config-missing node-1 node-1'],
    undone: "the plugin's DaemonSet writes it",
  },
  {
    what: 'the one CNI configuration is empty',
    fault: ({ one }) => cni.configurationsEmptied(one),
    told: ['cni-config-missing node-1 node-1'],
    undone: "the plugin's DaemonSet writes it",
  },
  {
    what: 'a plugin that the configuration names is not there, and a pod waits',
    fault: async ({ one }) => {
      const undo = cni.pluginRemoved(one, 'portmap');
      await one.addPod('waits');
      return undo;
    },
    told: [
      'cni-plugin-missing node-1 node-1',
      'pod-without-ip node-1 shop/waits <- cni-plugin-missing',
      'sandbox-failing node-1 node-1 <- cni-plugin-missing',
    ],
    undone: 'a package or DaemonSet brings it',
  },
];

const ofBridge: readonly Situation[] = [
  {
    what: 'a pod is taken off the bridge',
    fault: ({ one, from }) => ofPod.takenOffBridge(one, from),
    told: ['pod-unwired node-1 shop/web-1a'],
  },
  {
    what: 'the bridge is switched off',
    fault: ({ one }) => ofNode.linkDown(one, 'cni0'),
    told: [
      'pod-unwired node-1 shop/web-1a <- tunnel-down',
      'pod-unwired node-1 shop/web-1b <- tunnel-down',
      'tunnel-down node-1 cni0',
    ],
  },
  {
    what: 'bridged packets bypass the rules',
    fault: ({ one }) => ofNode.bridgeNetfilterOff(one),
    told: ['bridge-netfilter-off node-1 node-1'],
  },
  {
    what: 'another configuration comes first',
    fault: ({ one }) => cni.secondConfiguration(one),
    told: ['cni-config-ambiguous node-1 node-1'],
  },
  {
    what: 'an endpoint of a Service cannot reach itself',
    fault: ({ one, from }) => ofPod.hairpinOff(one, from),
    api: withService,
    told: ['hairpin-off node-1 node-1'],
  },
  {
    what: 'the node does not forward',
    fault: ({ one }) => ofNode.forwardingOff(one),
    told: ['ip-forward-off node-1 node-1'],
  },
];

const ofPtp: readonly Situation[] = [
  {
    what: 'two pods have one address',
    fault: async ({ one }) => {
      await cni.addressGivenTwice(one);
      return undefined;
    },
    told: ['duplicate-pod-ip cluster 10.244.1.2'],
  },
  {
    what: "a pod's route is deleted",
    fault: ({ one, from }) => ofPod.podRouteDeleted(one, from),
    told: ['pod-unwired node-1 shop/web-1a'],
  },
];

/** web-1a of the lab as the one endpoint of a Service. */
function withService(lab: PodLab) {
  const metadata = { name: 'web', namespace: 'shop', uid: '1b0c5f3c-0a52-4b8e-9d55-0d6f6d3e2f10' };
  const { from } = endsOf(lab);
  const ports = [{ name: 'http', protocol: 'TCP', port: 80 }];
  return {
    ...lab.api(),
    services: [
      { metadata, spec: { selector: { app: 'web-1a' }, clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ports } },
    ],
    endpointslices: [
      {
        metadata: { ...metadata, name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
        addressType: 'IPv4',
        ports,
        endpoints: [{ addresses: [ofPod.wiredAs(from).address], conditions: { ready: true }, nodeName: 'node-1' }],
      },
    ],
  };
}

describe.each([
  ['bridge', [...ofBoth, ...ofBridge]],
  // While host-local still begins with the first address.
  ['ptp', [...ofPtp, ...ofBoth]],
] as const)('pods of the plugin %s', (plugin, situations) => {
  let lab: PodLab;
  beforeAll(async () => {
    removeAbandoned();
    lab = await openPodLab(`found-${plugin}`, plugin);
  });
  afterAll(() => lab?.close());

  it('are well at first', async () => {
    expect(await findingsBelowServices(lab.nodes, lab.writeApi())).toEqual([]);
  });

  it.each(situations)('$what', async (situation) => {
    const { told, after } = await toldOf(lab, situation);
    const [node] = lab.nodes;
    for (const pod of node?.pods.filter(({ name }) => /^(?:waits|twin)/.test(name)) ?? []) await node?.removePod(pod);
    // The lab has no kubelet that would try again, so a pod that waits is told of until it is removed.
    expect({ told, after: after.filter((line) => !/^(?:pod-without-ip|sandbox-failing) /.test(line)) }).toEqual({
      told: situation.told,
      after: [],
    });
  });
});

describe('a link that a pod has left behind', () => {
  it('is found, and gone with the remedy', async () => {
    const lab = await openPodLab('found-left', 'ptp');
    try {
      const [node] = lab.nodes;
      const [pod] = node?.pods ?? [];
      if (node === undefined || pod === undefined) throw new Error('the lab has a node with pods');
      const link = ofPod.wiredAs(pod).nodeLink;
      const fault = () => node.leavePod(pod).then(() => undefined);
      const { told, after } = await toldOf(lab, { what: 'left behind', fault, told: [] });
      expect({ told, after }).toEqual({ told: ['ipam-leak node-1 node-1', `orphan-veth node-1 ${link}`], after: [] });
    } finally {
      await lab.close();
    }
  });
});
