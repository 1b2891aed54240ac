/** What container runtimes and CNI plugins have been seen to say when a pod's sandbox could not be made. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sandboxReason } from '../../aggregator/checks/shared/sandbox-reasons.ts';

const file = join(import.meta.dirname, '../../../shared/fixtures/published/pod-sandbox-events/messages.json');
const isThere = existsSync(file);
if (!isThere) console.log(`published sandbox events: 31 messages were not read, since ${file} is not there`);

/** What each message says, in the order of the file, as a person reads it. */
const told = [
  'plugin-missing calico',
  'api-refused',
  'api-unreachable 10.96.0.1:443: dial tcp 10.96.0.1:443: i/o timeout',
  'addresses-used-up 10.99.9.0/29',
  'api-refused',
  'bridge-address cni0 10.244.0.1/24',
  'flannel-not-ready',
  'flannel-not-ready',
  'flannel-not-ready',
  'flannel-not-ready',
  'no-pod-range',
  'daemon-unreachable cilium-cni',
  'daemon-unreachable cilium-cni',
  'daemon-unreachable cilium-cni',
  'plugin-missing cilium-cni',
  'daemon-unreachable cilium-cni',
  'addresses-used-up null',
  'addresses-used-up null',
  'daemon-unreachable weave-net',
  'daemon-unreachable null',
  'other unable to set hairpin mode to true for bridge side of veth vethweplb256e93: operation not supported',
  'daemon-unreachable null',
  'addresses-used-up 10.252.2.4-10.252.2.4',
  'daemon-unreachable multus-shim',
  'daemon-unreachable istio-cni',
  'plugin-missing loopback',
  'addresses-used-up null',
  'timeout',
  'not-network',
  'not-network',
  'other failed to Statfs "/proc/.../ns/net": permission denied',
];

describe.runIf(isThere)('published messages', () => {
  it('are each taken for what they say', () => {
    const messages = JSON.parse(readFileSync(file, 'utf8')) as readonly { readonly message: string }[];
    const read = messages.map(({ message }) => {
      const { kind, ...named } = sandboxReason(message);
      const words = Object.values(named).filter((value) => !Array.isArray(value));
      return [kind, ...words.map(String)].join(' ');
    });
    expect(read).toEqual(told);
  });
});
