/** The forms of the parts of L1 and L2: links, routes, CNI files, pods' namespaces, probes. */
import Type from 'typebox';
import {
  address,
  count,
  counter,
  excerpt,
  family,
  list,
  longestText,
  mostAddresses,
  mostListed,
  name,
  object,
  orNull,
  port,
  prefix,
  text,
  words,
} from './schema-pieces.ts';

const yesOrNo = Type.Boolean();
const { list: long, few } = mostListed;
const container = text(256);
const prefixLength = Type.Integer({ minimum: 0, maximum: 128 });
const nodeName = text(253);

export const addresses = object({
  addresses: list(object({ link: name, address, prefixLength }), mostAddresses),
  links: list(name, mostAddresses),
});

const link = object({
  index: count,
  name,
  kind: name,
  state: name,
  isUp: yesOrNo,
  mtu: count,
  mac: orNull(name),
  master: orNull(name),
  peerIndex: orNull(Type.Integer()),
  peerNamespaceId: orNull(Type.Integer()),
  promiscuous: yesOrNo,
  hairpin: orNull(yesOrNo),
  vxlan: orNull(object({ id: count, port, local: orNull(address), link: orNull(name), learning: yesOrNo })),
  callsIptables: orNull(object({ ipv4: yesOrNo, ipv6: yesOrNo })),
  tunnel: orNull(object({ local: orNull(address), remote: orNull(address) })),
});
export const links = object({ links: excerpt(link, long) });

const route = object({
  family,
  table: name,
  kind: name,
  destination: prefix,
  link: orNull(name),
  gateway: orNull(address),
  source: orNull(address),
  protocol: name,
  metric: count,
  onlink: yesOrNo,
  mtu: orNull(count),
  isDead: yesOrNo,
});
const rule = object({
  family,
  priority: count,
  from: orNull(prefix),
  to: orNull(prefix),
  mark: orNull(name),
  link: orNull(name),
  table: orNull(name),
  action: name,
  further: orNull(name),
});
export const routes = object({ routes: excerpt(route, long), rules: orNull(excerpt(rule, long)) });

export const neighbours = object({
  neighbours: excerpt(
    object({
      link: name,
      address,
      mac: orNull(name),
      state: words('permanent', 'noarp', 'resolved', 'incomplete', 'failed'),
    }),
    long,
  ),
  entries: excerpt(object({ link: name, mac: name, destination: address }), long),
});

const bridgeCall = orNull(Type.Union([yesOrNo, Type.Literal('no-module')]));
export const networkSettings = object({
  kernel: orNull(name),
  ipv4Forwarding: orNull(yesOrNo),
  ipv6Forwarding: orNull(yesOrNo),
  bridgeCallsIptables: bridgeCall,
  bridgeCallsIp6tables: bridgeCall,
  reversePathFilter: orNull(count),
  links: excerpt(
    object({
      link: name,
      forwarding: orNull(yesOrNo),
      reversePathFilter: orNull(count),
      proxyArp: orNull(yesOrNo),
    }),
    long,
  ),
});

export const networkCounters = object({
  reversePathDrops: orNull(counter),
  noRoute: orNull(counter),
  udpChecksumErrors: orNull(counter),
  fragmentationFailures: orNull(counter),
  reassemblyFailures: orNull(counter),
  links: list(
    object({
      link: name,
      receiveErrors: counter,
      receiveDrops: counter,
      transmitErrors: counter,
      transmitDrops: counter,
    }),
    few,
  ),
});

export const offloads = object({ links: list(object({ link: name, transmitChecksum: orNull(yesOrNo) }), few) });

const plugin = object({
  type: text(256),
  ipam: orNull(text(256)),
  delegates: list(text(256), few),
  ranges: list(prefix, few),
  bridge: orNull(name),
  mtu: orNull(count),
  hairpin: orNull(yesOrNo),
  stateFolder: orNull(text(1024)),
});
const pod = object({ namespace: nodeName, name: nodeName, uid: orNull(name) });
export const cni = object({
  configurations: list(
    object({
      file: text(256),
      network: orNull(text(256)),
      plugins: list(text(256), few),
      settings: list(plugin, few),
      problem: orNull(text(longestText.words)),
    }),
    256,
  ),
  reservations: excerpt(object({ network: text(256), address, container, link: name }), long),
  results: excerpt(
    object({
      network: text(256),
      container,
      link: name,
      pod: orNull(pod),
      addresses: list(address, few),
      nodeLinks: list(name, few),
      networkNamespace: orNull(text(256)),
    }),
    long,
  ),
  pluginFolders: list(object({ path: text(256), executables: list(text(256), 200) }), 8),
});

export const flannel = object({
  networks: list(prefix, 4),
  subnets: list(object({ range: prefix, gateway: address }), 4),
  mtu: orNull(count),
  masquerade: orNull(yesOrNo),
});

export const bird = object({
  protocols: excerpt(
    object({
      daemon: words('bird', 'bird6'),
      name: text(128),
      kind: name,
      state: name,
      info: text(256),
      since: name,
      neighbour: orNull(address),
      imported: orNull(count),
      exported: orNull(count),
      lastError: orNull(text(256)),
    }),
    long,
  ),
});

export const podNetworks = object({
  pods: excerpt(
    object({
      uid: name,
      pod: orNull(object({ namespace: nodeName, name: nodeName })),
      containers: list(name, 20),
      namespace: words('own', 'node'),
      links: list(object({ name, index: orNull(count) }), few),
      addresses: list(object({ link: name, address, prefixLength }), few),
      defaultRoutes: list(object({ family, link: name, gateway: orNull(address), isDead: yesOrNo }), few),
    }),
    long,
  ),
  unread: count,
  problem: orNull(text(longestText.words)),
});

export const sandboxes = object({
  runtime: text(128),
  sandboxes: excerpt(
    object({
      id: name,
      namespace: nodeName,
      name: nodeName,
      uid: name,
      attempt: count,
      ready: yesOrNo,
      createdAt: name,
      network: orNull(
        Type.Union([
          object({ of: words('node') }),
          object({ of: words('pod'), addresses: list(address, few), networkNamespace: orNull(text(256)) }),
        ]),
      ),
    }),
    long,
  ),
});

export const probes = object({
  listening: list(address, mostListed.list),
  port,
  results: list(
    object({
      node: nodeName,
      address,
      port,
      by: words('overlay', 'node', 'pod', 'service', 'endpoint'),
      size: words('small', 'full'),
      packetBytes: count,
      sent: count,
      answered: count,
      lastAnswered: orNull(yesOrNo),
      error: orNull(name),
      roundTripMs: orNull(count),
    }),
    128,
  ),
  heard: excerpt(object({ from: address, to: address, small: yesOrNo, full: yesOrNo }), long),
  refusedTargets: count,
  refusals: list(text(256), 10),
});
