import { describe, expect, it } from 'vitest';
import type { CniReport } from '../../proto/parts.ts';
import { address, pod } from '../../test/builders.ts';
import { flannelNode, linksWith } from '../../test/flannel-node.ts';
import {
  anyNode,
  calicoFiles,
  ciliumFiles,
  cniFiles,
  flannelDevice,
  flannelFiles,
  link,
  listed,
  noCni,
  numberedNode,
} from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import { tunnelDown } from './tunnel-down.ts';

const { evaluate } = tunnelDown;
const told = (view: Parameters<typeof evaluate>[0]) =>
  evaluate(view).map(({ subject, evidence }) => [subject, evidence[0]]);
const web = pod('shop/web-0', 'node-a', '10.244.1.7');
const result: CniReport['results']['first'][number] = {
  network: 'cbr0',
  container: 'c1',
  link: 'eth0',
  pod: { namespace: 'shop', name: 'web-0', uid: null },
  addresses: [address('10.244.1.7')],
  nodeLinks: ['cni0', 'veth1'],
  networkNamespace: null,
};

describe('tunnel-down, flannel', () => {
  it('flannel.1 is switched off', () => {
    expect(evaluate(flannelNode({ parts: linksWith({ 'flannel.1': { isUp: false, state: 'DOWN' } }) }))).toEqual([
      {
        subject: { kind: 'Link', name: 'flannel.1' },
        summary:
          'flannel.1 of node-a is switched off, and flannel works with VXLAN on this Node: nothing passes between its pods and others by it.',
        evidence: [
          { kind: 'fact', name: 'flannel.1', value: 'state DOWN, not up' },
          { kind: 'fact', name: 'needed because', value: 'flannel works with VXLAN on this Node' },
        ],
        remediation: [
          {
            command: 'ip link set flannel.1 up',
            effect:
              "Run on node-a: switches it on. The kernel has taken its routes and neighbours away, and only the CNI plugin's daemon writes them again.",
          },
          {
            command: 'kubectl -n kube-flannel delete pod --field-selector spec.nodeName=node-a -l app=flannel',
            effect:
              "Restarts flannel on node-a: it makes its device, routes, neighbours and annotations anew; pods keep running. The names are those of flannel's own manifest; in k3s flannel is a part of the node's k3s service.",
          },
        ],
        frontends: [],
        topics: ['link flannel.1'],
        explainsTopics: 'all',
      },
    ]);
  });

  it('flannel.1 is gone, also in k3s, whose CNI files are elsewhere', () => {
    const parts = linksWith({ 'flannel.1': null });
    const gone = [
      { kind: 'Link', name: 'flannel.1' },
      { kind: 'fact', name: 'flannel.1', value: 'no such link' },
    ];
    expect(told(flannelNode({ parts }))).toEqual([gone]);
    expect(told(flannelNode({ parts: { ...parts, cni: { state: 'absent' } } }))).toEqual([gone]);
  });

  it.each([
    ['it is up, in state UNKNOWN as tunnels are', {}],
    [
      'it is up, beside a device of a former VNI that is not',
      linksWith({
        'flannel.4096': { ...flannelDevice(1), name: 'flannel.4096', mac: '02:00:00:00:00:99', isUp: false },
      }),
    ],
    [
      "the node went over to Calico: flannel's annotations stay",
      { ...linksWith({ 'flannel.1': null }), cni: reported(calicoFiles) },
    ],
    [
      "the node went over to Cilium: flannel's annotations stay",
      { ...linksWith({ 'flannel.1': null }), cni: reported(ciliumFiles) },
    ],
    [
      "nothing but an annotation says flannel's name",
      { ...linksWith({ 'flannel.1': null }), cni: { state: 'absent' }, flannel: { state: 'absent' } } as const,
    ],
    ['the list of links was cut', { links: reported({ links: { total: 9000, first: [link('eth0')] } }) }],
  ])('nothing is said where %s', (_, parts) => {
    expect(evaluate(flannelNode({ parts }))).toEqual([]);
  });

  it("Canal: Calico's plugin with flannel's way to other nodes", () => {
    const cni = reported(cniFiles('10-canal.conflist', { type: 'calico', ipam: 'host-local' }));
    const parts = { ...linksWith({ 'flannel.1': null }), cni, flannel: { state: 'absent' } as const };
    expect(told(flannelNode({ parts }))).toHaveLength(1);
  });
});

describe('tunnel-down, the bridge', () => {
  const gone = linksWith({ cni0: null, veth1: null, veth2: null });
  const withResults = (files: CniReport) => ({ cni: reported({ ...files, results: listed([result]) }) });

  it('is gone while a pod runs that was joined by it', () => {
    const nodes = [numberedNode(1)];
    const parts = { ...gone, ...withResults(flannelFiles) };
    expect(told(flannelNode({ nodes, parts, pods: [web] }))).toEqual([
      [
        { kind: 'Link', name: 'cni0' },
        { kind: 'fact', name: 'cni0', value: 'no such link' },
      ],
    ]);
    expect(told(flannelNode({ nodes, parts: gone, pods: [web] }))).toHaveLength(1);
  });

  it.each([
    ['no pod runs yet', [], {}],
    ['only pods with the network of the node run', [{ ...web, hostNetwork: true }], {}],
    ['pods wait for theirs', [{ ...web, phase: 'Pending', addresses: [] }], {}],
    ['the last one ends', [{ ...web, terminating: true }], {}],
  ] as const)('is not needed where %s', (_, pods, parts) => {
    expect(evaluate(flannelNode({ parts: { ...gone, ...parts }, pods }))).toEqual([]);
  });

  it("of a configuration that has come before the pods' own is not needed before the next pod", () => {
    const podman = cniFiles('10-podman.conflist', { type: 'bridge', bridge: 'cni-podman0' });
    const configurations = [...podman.configurations, ...flannelFiles.configurations];
    const both = { ...flannelFiles, configurations };
    expect(evaluate(flannelNode({ parts: withResults(both), pods: [web] }))).toEqual([]);
    expect(evaluate(flannelNode({ parts: { cni: reported(both) }, pods: [web] }))).toEqual([]);
  });

  it('of a plugin that Multus calls is not known by name', () => {
    const cni = reported(cniFiles('00-multus.conf', { type: 'multus', delegates: ['bridge'] }));
    expect(evaluate(flannelNode({ parts: { ...gone, cni }, pods: [web] }))).toEqual([]);
  });
});

describe('tunnel-down, Calico and Cilium', () => {
  const calico = { ...noCni, calico: { addresses: [], tunnelAddresses: [address('10.244.71.0')] } };
  const cilium = { ...noCni, cilium: { hostAddresses: [address('10.0.1.9')] } };
  const node = (cni: typeof calico | typeof cilium) => [numberedNode(1, { cni })];
  const holding = (name: string, isUp: boolean) => ({
    links: reported({ links: listed([link(name, { kind: 'vxlan', isUp })]) }),
    addresses: reported({
      addresses: [{ link: name, address: address('10.244.71.0'), prefixLength: 32 }],
      links: [name],
    }),
  });
  const bare = {
    links: reported({ links: listed([link('eth0')]) }),
    addresses: reported({ addresses: [], links: ['eth0'] }),
  };

  it('the device with the tunnel address is switched off, or there is none', () => {
    const cni = reported(calicoFiles);
    const views = [holding('vxlan.calico', false), holding('tunl0', true), bare].map((parts) =>
      anyNode({ nodes: node(calico), parts: { ...parts, cni } }),
    );
    expect(views.map((view) => evaluate(view).map(({ subject }) => subject))).toEqual([
      [{ kind: 'Link', name: 'vxlan.calico' }],
      [],
      [{ kind: 'Link', name: 'tunl0 or vxlan.calico' }],
    ]);
  });

  it('cilium_host is gone', () => {
    const parts = { ...bare, cni: reported(ciliumFiles) };
    expect(told(anyNode({ nodes: node(cilium), parts }))).toHaveLength(1);
    const there = { ...parts, ...holding('cilium_host', true) };
    expect(evaluate(anyNode({ nodes: node(cilium), parts: there }))).toEqual([]);
  });

  it('annotations of a plugin that was replaced say nothing', () => {
    const files = [ciliumFiles, flannelFiles, calicoFiles];
    const all = files.flatMap((cni) => [
      ...(cni === calicoFiles
        ? []
        : evaluate(anyNode({ nodes: node(calico), parts: { ...bare, cni: reported(cni) } }))),
      ...(cni === ciliumFiles
        ? []
        : evaluate(anyNode({ nodes: node(cilium), parts: { ...bare, cni: reported(cni) } }))),
    ]);
    expect(all).toEqual([]);
  });
});
