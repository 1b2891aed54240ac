/** Where the checks of L2 fire, and where they must not: see evidence.ts. */
import type { CheckEvidence, Shown } from './evidence.ts';

const shownIn =
  (file: string) =>
  (test: string, from: string): Shown => ({ file, test, from });

const recorded = shownIn('test/scenarios/node-to-node.test.ts');
const published = shownIn('test/published/node-networks.test.ts');
const made = shownIn('test/kernel/overlay-findings.test.ts');
const probed = shownIn('test/kernel/overlay-probes.test.ts');
const threeNodes = 'three namespaces joined as flannel does it';
const byHand = (check: string) => shownIn(`aggregator/checks/${check}.test.ts`);

export const nodeToNodeEvidence: Readonly<Record<string, CheckEvidence>> = {
  'bgp-down': {
    fires: made('a cut session is found on both, and gone when it is established again', 'two BIRDs in namespaces'),
    mustNot: published(
      'sessions that birdcl shows as established; one of them is not',
      'birdcl of a published node with Calico',
    ),
  },
  'blackhole-route': {
    fires: recorded('that takes the range of node-b is told', 's1 node-a, one route changed'),
    mustNot: published(
      'VXLAN: the blackhole of its own block is lawful, also where the range of another Node begins alike',
      'the routes of a published node with Calico',
    ),
  },
  'bridge-netfilter-off': {
    fires: recorded('is told where pods have a bridge', 's1 node-a, one setting changed'),
    mustNot: recorded('is none where pods are routed', 's1 node-c, one setting changed'),
  },
  'ip-forward-off': {
    fires: recorded('is told when the node forwards nothing, of IPv4 and IPv6', 's1 node-a, settings changed'),
    mustNot: recorded('is none where only links to come would not forward', 's1 node-a, one setting changed'),
  },
  'mtu-ladder': {
    fires: made("the uplink's MTU is lowered below what flannel.1 sends", threeNodes),
    mustNot: published('on jumbo frames, as a whole node shows it (sosreport)', 'a published sosreport with flannel'),
  },
  'node-unreachable': {
    fires: probed(
      'and the network loses all that one sends another, blame that direction, and no node',
      "three namespaces joined as flannel does it, with the agent's own probes",
    ),
    mustNot: byHand('node-unreachable')(
      'a filter takes what goes to the node address, and pods are reached',
      'reports made by hand: no recording has probes',
    ),
  },
  'peer-fdb-missing': {
    fires: made('a forwarding entry is deleted', threeNodes),
    mustNot: published(
      'entries of former nodes are left: only the one of the node that is there is missed (flannel-vxlan-3nodes)',
      'the entries of a published node with flannel',
    ),
  },
  'peer-route-missing': {
    fires: recorded('the route to the pods of node-b is told when it is gone', 's1 node-a, one route deleted'),
    mustNot: recorded(
      'a tunnel of its own for the range is right, as kube-router makes it to other networks',
      's1 node-a, one route changed',
    ),
  },
  'pod-cidr-mismatch': {
    fires: recorded('that the bridge does not have are told (pod-cidr-mismatch)', 's1 node-a, one address changed'),
    mustNot: recorded(
      'are not what a configuration with ranges of its own works by (pod-cidr-mismatch)',
      's1 node-a, an address and the CNI configuration changed',
    ),
  },
  'pod-cidr-overlap': {
    fires: recorded(
      'of two Nodes that overlap are told of the younger one (pod-cidr-overlap)',
      's1, the range of node-c changed',
    ),
    mustNot: recorded('that lie side by side are right, as recorded (pod-cidr-overlap)', 's1'),
  },
  'rp-filter-strict': {
    fires: made('a strict reverse path filter, and the way back is another one', threeNodes),
    mustNot: made('a strict reverse path filter alone drops nothing, and is not told', threeNodes),
  },
  'tunnel-down': {
    fires: recorded(
      'a bridge that is switched off, or gone, is told while its pods run',
      's1 node-a, one link changed',
    ),
    mustNot: recorded(
      'a bridge that is switched on is right, though no port carries it (state DOWN)',
      's1 node-a, one link changed',
    ),
  },
  'vtep-mac-drift': {
    fires: made('flannel.1 has another MAC address than flannel has told', threeNodes),
    mustNot: published('on jumbo frames, as a whole node shows it (sosreport)', 'a published sosreport with flannel'),
  },
  'vxlan-checksum-offload': {
    fires: byHand('vxlan-checksum-offload')(
      'an old kernel leaves checksums to flannel.1, and other nodes drop what comes',
      'reports made by hand after flannel#1279: no recording has so old a kernel',
    ),
    mustNot: byHand('vxlan-checksum-offload')(
      'no node complains: the distribution has the mend',
      'reports made by hand: no recording has so old a kernel',
    ),
  },
};
