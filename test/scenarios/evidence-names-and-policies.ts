/** Where the checks of L4 and L5 fire, and where they must not: see evidence.ts. */
import type { CheckEvidence, Shown } from './evidence.ts';

const shownIn =
  (file: string) =>
  (test: string, from: string): Shown => ({ file, test, from });

const policies = shownIn('test/scenarios/policies.test.ts');
const inTestOf = (check: string) => shownIn(`aggregator/checks/${check}.test.ts`);
const lookups = shownIn('test/kernel/dns-faults.test.ts');
const unbound = 'real lookups of unbound in namespaces';
const onePolicy = 's1, one policy changed';
const settings = 'resolver settings made by hand: no recording has any';

export const namesAndPoliciesEvidence: Readonly<Record<string, CheckEvidence>> = {
  'dns-config-mismatch': {
    fires: lookups('the kubelet of node-1 gives pods a server that is not there', unbound),
    mustNot: lookups('pods of node-1 ask the cache on it, which answers', unbound),
  },
  'dns-forward-loop': {
    fires: lookups("the kubelet gives the replicas systemd-resolved's address, which is their own", unbound),
    mustNot: lookups('both servers above have ended', unbound),
  },
  'dns-no-endpoints': {
    fires: inTestOf('dns-no-endpoints')('no endpoint is left', 's1, the slices of kube-dns taken out'),
    mustNot: inTestOf('dns-no-endpoints')('another Service has none', 's1, the slices of shop/api taken out'),
  },
  'dns-replica-failing': {
    fires: lookups('a replica hangs', unbound),
    mustNot: lookups('the pods of node-2 are out of the reach of node-1', unbound),
  },
  'dns-search-amplification': {
    fires: inTestOf('dns-search-amplification')("pods have three domains of their node behind the cluster's", settings),
    mustNot: inTestOf('dns-search-amplification')("the usual list, with one domain of a cloud's", settings),
  },
  'dns-upstream-failing': {
    fires: lookups('both servers above refuse', unbound),
    mustNot: lookups('both replicas hang', unbound),
  },
  'dns-vip-failing': {
    fires: lookups('something on node-1 drops what goes to the Service', unbound),
    mustNot: lookups('a replica has ended', unbound),
  },
  'first-policy-isolates': {
    fires: policies(
      'Services that are open to the outside were there for hours before',
      's1, pods of payments made older',
    ),
    mustNot: policies(
      'pods that came together with their policy never had other clients',
      's1, pods of payments as young',
    ),
  },
  'matrix-mismatch': {
    fires: inTestOf('matrix-mismatch')(
      'a Service that no policy forbids is not reached',
      'connections made by hand: no recording has any',
    ),
    mustNot: inTestOf('matrix-mismatch')('the pod itself refused', 'connections made by hand: no recording has any'),
  },
  'node-local-dns-down': {
    fires: lookups('the cache on node-1 has ended', unbound),
    mustNot: lookups('pods of node-1 ask the cache on it, which answers', unbound),
  },
  'policy-blocks-probes': {
    fires: policies(
      'no pod of the namespace becomes ready, and no rule lets their kubelet in',
      's1, probes given to the pods of payments',
    ),
    mustNot: policies(
      'the same pods are ready: the plugin lets the kubelet in',
      's1, probes given to the pods of payments',
    ),
  },
  'policy-denies-dns': {
    fires: policies('egress is denied by default, and DNS was forgotten', onePolicy),
    mustNot: policies('the same with DNS allowed is right', onePolicy),
  },
  'policy-not-enforced': {
    fires: policies('the plugin bridge enforces nothing', 's1, whose nodes have the plugins bridge and ptp'),
    mustNot: policies('a controller of policies runs beside it', 's1, one pod added'),
  },
  'policy-port-after-dnat': {
    fires: policies("the rule names the Service's port 80, and the pods listen at 8080", onePolicy),
    mustNot: policies("a port that is no Service's is somebody's own affair", onePolicy),
  },
  'policy-selects-nothing': {
    fires: policies('a slip of the pen: app=wbe', onePolicy),
    mustNot: policies('pods that nothing resembles may come', onePolicy),
  },
};
