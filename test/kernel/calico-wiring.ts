/**
 * Pods wired as Calico's plugin does it (projectcalico/calico, cni-plugin/pkg/dataplane/linux/dataplane_linux.go, and
 * felix/calc for the node's side):
 *
 *   pod: eth0 10.244.N.2/32, default via 169.254.1.1 ---- caliX ee:ee:ee:ee:ee:ee, proxy_arp, route 10.244.N.2 dev caliX
 *
 * The plugin itself is not in Debian and needs Calico's API; its addresses are given out here, in order.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CniNode, LabSandbox, Wiring } from './cni-runtime.ts';
import { ipIn } from './lab-switch.ts';
import { mustRunIn, runIn } from './namespaces.ts';

/** The link on the node: `cali` and eleven digits of the SHA-1 of `namespace.name`. */
function caliLink({ namespace, name }: Pick<LabSandbox, 'namespace' | 'name'>): string {
  return `cali${createHash('sha1').update(`${namespace}.${name}`).digest('hex').slice(0, 11)}`;
}

export const calicoWiring: Wiring = {
  attach: (node, sandbox) => {
    const nodeLink = caliLink(sandbox);
    const address = nextAddress(node);
    const pod = sandbox.networkNamespace;
    ipIn(node.namespace, [`link add ${nodeLink} type veth peer name eth0 netns ${pod}`]);
    ipIn(pod, [
      `addr add ${address}/32 dev eth0`,
      'link set eth0 up',
      'route add 169.254.1.1 dev eth0 scope link',
      'route add default via 169.254.1.1 dev eth0',
    ]);
    ipIn(node.namespace, [
      `link set ${nodeLink} address ee:ee:ee:ee:ee:ee`,
      `link set ${nodeLink} up`,
      `route add ${address} dev ${nodeLink} scope link`,
    ]);
    // Felix: the node answers for 169.254.1.1, at once.
    const settings = ['proxy_arp=1', 'forwarding=1', 'route_localnet=1'].map(
      (set) => `net.ipv4.conf.${nodeLink}.${set}`,
    );
    mustRunIn(node.namespace, 'sysctl', ['-qw', ...settings, `net.ipv4.neigh.${nodeLink}.proxy_delay=0`]);
    keepResult(node, sandbox, address);
    return { ok: true, value: { address, nodeLink } };
  },
  detach: (node, sandbox) => {
    runIn(node.namespace, 'ip', ['link', 'del', caliLink(sandbox)]);
    rmSync(resultFile(node, sandbox), { force: true });
  },
};

/** The first address of the node's block that no sandbox has. */
function nextAddress({ namespace, folders }: CniNode): string {
  const results = join(folders.cniState, 'results');
  mkdirSync(results, { recursive: true });
  const taken = readdirSync(results).map((file) => readFileSync(join(results, file), 'utf8'));
  // The namespace's name ends with the node's number, as its range does.
  const range = `10.244.${namespace.at(-1)}`;
  for (let last = 2; last < 63; last++) {
    const address = `${range}.${last}`;
    if (!taken.some((text) => text.includes(`"${address}/32"`))) return address;
  }
  throw new Error(`the block of ${namespace} is used up`);
}

function resultFile({ folders }: CniNode, { id }: LabSandbox): string {
  return join(folders.cniState, 'results', `k8s-pod-network-${id}-eth0`);
}

/** libcni's record of what Calico's plugin answers, which names no link in the pod. */
function keepResult(node: CniNode, sandbox: LabSandbox, address: string): void {
  const record = {
    kind: 'cniCacheV1',
    containerId: sandbox.id,
    config: '',
    ifName: 'eth0',
    networkName: 'k8s-pod-network',
    cniArgs: [
      ['IgnoreUnknown', '1'],
      ['K8S_POD_NAMESPACE', sandbox.namespace],
      ['K8S_POD_NAME', sandbox.name],
      ['K8S_POD_INFRA_CONTAINER_ID', sandbox.id],
      ['K8S_POD_UID', sandbox.uid],
    ],
    result: {
      cniVersion: '0.3.1',
      dns: {},
      interfaces: [{ name: caliLink(sandbox) }],
      ips: [{ address: `${address}/32`, version: '4' }],
    },
  };
  writeFileSync(resultFile(node, sandbox), JSON.stringify(record), { mode: 0o600 });
}
