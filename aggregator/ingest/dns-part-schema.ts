/** The form of the part of L4: resolver settings, and what came of lookups. */
import Type from 'typebox';
import { address, count, excerpt, list, mostListed, object, orNull, port, text, words } from './schema-pieces.ts';

const yesOrNo = Type.Boolean();
const domain = text(255);
const reason = orNull(text(1024));
const file = text(1024);

const settings = object({
  nameservers: list(address, 16),
  search: list(domain, 64),
  ndots: Type.Integer({ minimum: 0, maximum: 15 }),
  options: list(text(64), 20),
});

const lookup = object({
  server: address,
  port,
  by: words('service', 'backend', 'node-local', 'upstream'),
  protocol: words('udp', 'tcp'),
  name: words('cluster', 'external', 'absent'),
  sent: Type.Integer({ minimum: 0, maximum: 3 }),
  answered: Type.Integer({ minimum: 0, maximum: 3 }),
  outcomes: list(text(128), 3),
  rcode: orNull(text(32)),
  addresses: list(address, 8),
  truncated: yesOrNo,
  latencyMs: orNull(count),
  error: orNull(text(128)),
});

export const dns = object({
  node: orNull(object({ file, settings })),
  nodeUnreadBecause: reason,
  kubelet: orNull(
    object({
      file,
      clusterDns: list(address, 16),
      clusterDomain: domain,
      resolvConf: orNull(file),
      upstream: orNull(settings),
    }),
  ),
  kubeletUnreadBecause: reason,
  pods: excerpt(object({ uid: text(64), settings }), mostListed.list),
  podsUnread: count,
  podsUnreadBecause: reason,
  nodeLocal: orNull(
    object({
      addresses: list(address, 64),
      link: orNull(text(64)),
      linkIsUp: yesOrNo,
      listens: orNull(object({ udp: yesOrNo, tcp: yesOrNo })),
    }),
  ),
  names: orNull(object({ cluster: domain, external: orNull(domain), absent: domain })),
  lookups: list(lookup, 128),
  lookupsOffBecause: reason,
});
