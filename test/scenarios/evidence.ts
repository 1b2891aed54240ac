import { namesAndPoliciesEvidence } from './evidence-names-and-policies.ts';
import { nodeToNodeEvidence } from './evidence-node-to-node.ts';

/**
 * For each check a scenario in which it fires and one that looks alike and in which it must not, with what each is made
 * of. coverage.test.ts holds that every check has both and that the tests are there; README.md shows it.
 */
export interface Shown {
  /** From the root of the project. */
  readonly file: string;
  /** The test's name, or as much of it as stands in the file in one piece; of findings.test.ts the scenario's title. */
  readonly test: string;
  /** The recording, published dump or real program. */
  readonly from: string;
}

export interface CheckEvidence {
  readonly fires: Shown;
  readonly mustNot: Shown;
}

/** A whole recording. */
const whole = (title: string): Shown => ({ file: 'test/scenarios/findings.test.ts', test: title, from: title });

const inFile =
  (file: string) =>
  (test: string, from: string): Shown => ({ file: `test/scenarios/${file}.test.ts`, test, from });

const near = inFile('near-misses');
const changed = inFile('changed-nodes');
const answering = inFile('answering-nodes');
const built = inFile('built-rules');
const proxies = inFile('other-proxies');
const tracking = inFile('connection-tracking');
const names = inFile('node-names');
const stalled = inFile('stalled');
const pods = inFile('pod-interfaces');

export const evidence: Readonly<Record<string, CheckEvidence>> = {
  ...nodeToNodeEvidence,
  ...namesAndPoliciesEvidence,
  'affinity-mismatch': {
    fires: whole('s2-stale-stopped'),
    mustNot: changed(
      'the same timeout under the default is no difference, another one is (edge/sticky-np)',
      's1 node-a, the timeout of edge/sticky-np left to its default',
    ),
  },
  'base-jump-order': {
    fires: built('is the one cause of all Services that pods and outside clients miss', 's1 node-a, one rule inserted'),
    mustNot: built(
      'is none where it takes other addresses, like what portmap has there already',
      's1 node-a, one rule inserted',
    ),
  },
  'competing-proxies': {
    fires: proxies(
      'that says it replaces a kube-proxy that still runs: two proxies, one finding',
      "s1 node-a, an answer of Cilium's agent and its links added",
    ),
    mustNot: proxies('beside a kube-proxy that answers changes nothing', "s1 node-a, Cilium's links added"),
  },
  'conntrack-full': {
    fires: tracking('nearly full: conntrack-full', 's1 node-a, the count of its settings raised'),
    mustNot: tracking('well used: nothing', 's1 node-a, the count of its settings raised'),
  },
  'conntrack-insert-failed': {
    fires: tracking('two clashes a second: conntrack-insert-failed', 's1 node-a, counts of a Linux 6.18 read twice'),
    mustNot: tracking('a few clashes: nothing', 's1 node-a, counts of a Linux 6.18 read twice'),
  },
  'dangling-jump': {
    fires: whole('s3-damage, a-sep-rule-deleted'),
    mustNot: near('jumps lead to chains that kube-proxy leaves empty where no Service needs them', 's1 node-a, IPv6'),
  },
  'duplicate-rules': {
    fires: whole('s3-damage, e-duplicate-rule'),
    mustNot: near('an address that two slices of a Service name has one rule', 's1 node-a'),
  },
  'forward-dropped': {
    fires: built('drops what pods send to each other', 's1 node-a, the policy of FORWARD set to DROP'),
    mustNot: built(
      "does not where flannel's rules stand at the end, as it appends them",
      "the same with flannel's two rules",
    ),
  },
  'health-check-node-port': {
    fires: answering('503 with no endpoint is told', "s1 node-a, an answer in the form of kube-proxy's source"),
    mustNot: answering('503 of a kube-proxy that calls itself unhealthy is the truth', 's1 node-a, likewise'),
  },
  'hostport-missing': {
    fires: built(
      "are missing after a flush, from which only kube-proxy's came back",
      "s1 node-a, portmap's rules taken out",
    ),
    mustNot: changed('a pod that has ended asks for no port any more', 'the same, the pod Succeeded in the API'),
  },
  'invalid-packets-reset': {
    fires: tracking('which the kernel does not take: invalid-packets-reset', 's1 node-a, the INVALID rule taken out'),
    mustNot: tracking(
      'which the kernel takes, where kube-proxy writes no such rule: nothing',
      'the same, the setting be_liberal on',
    ),
  },
  'ipvs-drained-backend': {
    fires: changed(
      'weight 0 of an endpoint that is ready is told',
      's6 node-d, the weight of one real server set to 0',
    ),
    mustNot: changed(
      'weight 0 of one that is gone and still has connections is graceful termination',
      's6 node-d, one real server added',
    ),
  },
  'ipvs-unbound-vip': {
    fires: whole('s6d-ipvs-damage'),
    mustNot: changed(
      'one that another link of the node has is bound there on purpose',
      's6 node-d, one external address moved to lo',
    ),
  },
  'leftover-proxy-rules': {
    fires: proxies('has one finding, and none per Service', "s1 node-c with node-a's rules of iptables"),
    mustNot: proxies('is no such node with the host ports of a plug-in alone', 's1 node-c with two rules of portmap'),
  },
  'local-detector-wrong': {
    fires: changed('rules that take another range for pods are told', 's1 node-a, the range replaced in its rules'),
    mustNot: changed("the node's own range alone is right where kube-proxy goes by it", 's1 node-b'),
  },
  'mark-collision': {
    fires: built(
      'on packets of pods is the one cause of masquerading that nobody asked for',
      's1 node-a, one rule inserted',
    ),
    mustNot: built("is none where the bits are Calico's", 's1 node-a, one rule inserted'),
  },
  'missing-base-jump': {
    fires: whole('s3-damage, d-prerouting-jump-deleted'),
    mustNot: proxies('in place of kube-proxy makes the node unknown', "s1 node-a without rules, Cilium's links added"),
  },
  'missing-endpoint': {
    fires: whole('s2-stale-stopped'),
    mustNot: near('a node leaves out ready endpoints that are hinted for another zone', 's1 node-b'),
  },
  'missing-masquerade': {
    fires: changed('a mark chain that no longer marks is told', 's1 node-a, KUBE-MARK-MASQ emptied'),
    mustNot: changed('another mark that kube-proxy was told to use is right', 's1 node-a, another masqueradeBit'),
  },
  'missing-service': {
    fires: whole('s3-damage, g-services-entry-deleted'),
    mustNot: near('a load balancer that is a proxy itself', 's1, all nodes'),
  },
  'mixed-backends': {
    fires: whole('s4-mixed-backends'),
    mustNot: near('base chains without a rule are left in the other backend', 's5b node-b'),
  },
  'model-disagreement': {
    fires: answering('all of them lack the refusal of shop/typo alike', 's1 node-b ten times, one rule taken out'),
    mustNot: answering('two of them lack it', 'the same, of two of them'),
  },
  'no-local-endpoint': {
    fires: answering(
      'is told while more and more packets to it are dropped',
      "s1 node-a, edge/agent without its endpoint there and kube-proxy's rule for that; the counter read twice",
    ),
    mustNot: answering('is as asked for where nobody sends there', 'the same, the counter at rest'),
  },
  'node-name-mismatch': {
    fires: names('s1 node-b, the Node renamed', 's1 node-b, its Node renamed in the API'),
    mustNot: names('it makes the letters small itself', 's1 node-b, its hostnameOverride in capitals'),
  },
  'odd-node-out': {
    fires: names(
      'and one of them without the rule of 198.51.100.50',
      's1 node-a four times, one rule taken out of one',
    ),
    mustNot: names('chance decides, nothing is odd', 's1 node-a four times'),
  },
  'orphaned-chains': {
    fires: changed('a chain of an endpoint that nothing refers to is told', 's1 node-a, one chain added'),
    mustNot: changed('it is left there on purpose', 'the same, with 1,001 endpoints more in the API'),
  },
  'proxy-down': {
    fires: whole('s2-stale-stopped'),
    mustNot: proxies('in place of kube-proxy makes the node unknown', "s1 node-a without rules, Cilium's links added"),
  },
  'proxy-stalled': {
    fires: stalled('has one finding, and those of every Service that changed below it', 's2b node-b, with a history'),
    mustNot: stalled(
      'whose differences nobody ever wanted is damaged, not stalled',
      's2b node-b, with another history',
    ),
  },
  'proxy-sync-failing': {
    fires: changed('a sync that is due for long and not done is told', 's1 node-a, one metric moved by 100 s'),
    mustNot: near('the last sync is long ago, since nothing was asked of kube-proxy', 's2b node-b'),
  },
  'rejected-service': {
    fires: whole('s2-stale-stopped'),
    mustNot: near('a node drops what comes to a Local Service whose endpoints are on other nodes', 's1 node-c'),
  },
  'service-selects-nothing': {
    fires: whole('s1-healthy'),
    mustNot: near('no ready endpoint, and no fault', 's1'),
  },
  'source-range-mismatch': {
    fires: whole('s2-stale-stopped'),
    mustNot: changed(
      'the same ranges in another order and split are no difference',
      's1 node-a, the ranges of edge/public-lb written otherwise',
    ),
  },
  'stale-conntrack': {
    fires: tracking('to a pod that is no endpoint of DNS: stale-conntrack', 's1 node-a, one flow added'),
    mustNot: tracking(
      'to its endpoints, to node ports of media/stream, and to hosts outside: nothing',
      's1 node-a, flows added',
    ),
  },
  'stale-endpoint': {
    fires: whole('s3-damage, c-dnat-target-changed'),
    mustNot: near('endpoints that are not ready are used', 's1, all nodes'),
  },
  'stale-service': {
    fires: whole('s2-stale-stopped'),
    mustNot: near('a port of the node that no Service has is the host port of a pod', 's1 node-a, node-b'),
  },
  'topology-skew': {
    fires: changed(
      'hints that some endpoints have and others have not are told',
      's1, the hint of one endpoint of shop/web-zone taken away',
    ),
    mustNot: changed('one endpoint for a zone of one node is what was asked for', 's1'),
  },
  'uneven-balance': {
    fires: whole('s3-damage, f-probability-changed'),
    mustNot: near('rules of session affinity stand before the balancing ones', 's5 node-a'),
  },
  'unreadable-rules': {
    fires: changed(
      'a match that the agent does not know, before the jump to the Services, is told',
      's1 node-a, one rule inserted',
    ),
    mustNot: changed('takes nothing away from what is known', 's1 node-a, one rule inserted'),
  },
  'unrejected-service': {
    fires: whole('s3-damage, h-reject-rule-deleted'),
    mustNot: near('from the node itself nothing refuses an external address', 's1 node-a'),
  },
  'xtables-lock': {
    fires: {
      file: 'test/kernel/xtables-lock.test.ts',
      test: 'is told of while a process has it, with those that wait, and of nobody afterwards',
      from: 'flock and iptables-legacy, as processes',
    },
    mustNot: answering('held by what kube-proxy started is its own affair', "s1 node-b, a kernel's list of locks"),
  },
  'cni-config-ambiguous': {
    fires: pods("containerd's example comes first", 's1 node-a, a configuration added'),
    mustNot: pods("podman's comes last", 'the same, under another name'),
  },
  'cni-config-missing': {
    fires: pods('the one configuration is cut short', 's1 node-a, its configuration cut'),
    mustNot: pods('another beside it that can be used is enough', 'the same, a configuration added'),
  },
  'cni-plugin-missing': {
    fires: pods('portmap is not among the plugins', 's1 node-a, a list of plugins added'),
    mustNot: pods('all that are named are there', 'the same, with portmap'),
  },
  'duplicate-pod-ip': {
    fires: pods('two live pods say that they have one address', 's1, the address of one pod in the API changed'),
    mustNot: pods('one of them has failed', 'the same, the pod Failed'),
  },
  'hairpin-off': {
    fires: pods("an endpoint's port is not in hairpin mode", 's1 node-a, one port changed'),
    mustNot: pods('the same with a promiscuous bridge', 'the same, cni0 promiscuous'),
  },
  'ipam-leak': {
    fires: pods('a reservation of a sandbox that nothing else knows', 's1 node-a, a reservation of host-local added'),
    mustNot: pods('a second address of a sandbox that lives is right', 'the same, of a sandbox that is there'),
  },
  'orphan-veth': {
    fires: pods('the link and route of a pod that was deleted', 's1 node-c, a pod deleted in the API'),
    mustNot: pods(
      "nothing where the pod's name is on another node now, and the record has no UID",
      's1 node-c, the pod on another node in the API',
    ),
  },
  'pod-address-mismatch': {
    fires: pods("the pod's namespace has another address", "s1 node-a, an address in a pod's namespace changed"),
    mustNot: pods('a further address in the namespace is right', 's1 node-a, an address added there'),
  },
  'pod-default-route': {
    fires: pods(
      "the pod's namespace has no default route",
      "s1 node-a, the default route of a pod's namespace taken out",
    ),
    mustNot: pods(
      'a pod that asks for several networks may have it elsewhere',
      'the same, the pod annotated for Multus',
    ),
  },
  'pod-route-misdirected': {
    fires: pods('a longer route leads past the bridge', 's1 node-a, a route added'),
    mustNot: pods('the same to an address of the range that no pod has is nothing', 's1 node-a, another route added'),
  },
  'pod-unwired': {
    fires: pods("a pod's link is switched off", 's1 node-a, one veth without its flag UP'),
    mustNot: pods('the same of a pod that has ended is nothing', 'the same, the pod Succeeded in the API'),
  },
  'pod-without-ip': {
    fires: pods(
      'a pod waits, and an Event says why',
      "s1 node-a, a pod Pending in the API, an Event with containerd's and host-local's words",
    ),
    mustNot: pods('a pod that has ended without an address waits for nothing', 'the same, the pod Succeeded'),
  },
  'sandbox-failing': {
    fires: pods('nine attempts failed', 'the same Event'),
    mustNot: pods('they failed, and the pod has its address by now', 'the same Event, the pod as recorded'),
  },
};
