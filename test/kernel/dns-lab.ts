/**
 * Two nodes whose rules send lookups to two replicas of cluster DNS, and two servers above these:
 *
 *   node N: 10.96.0.10 -> pod kube-system/coredns-N ---- cni0 ---- eth0 192.168.100.1N ---- switch
 *           (169.254.20.10 on nodelocaldns of node-1)                       192.168.100.53 and .54
 *
 * All of them are unbound. What a kubelet would write lies in files of the nodes, and in each pod's own resolv.conf.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { observe } from '../../agent/observe.ts';
import { diagnose } from '../../aggregator/diagnose/diagnose.ts';
import type { ClusterSnapshot } from '../../aggregator/model/cluster.ts';
import type { Finding } from '../../aggregator/model/finding.ts';
import { readApiFolder } from '../../cli/audit/api-folder.ts';
import { judge } from '../../cli/audit/audit-nodes.ts';
import { inputOf } from '../../cli/diagnose/recorded-input.ts';
import { address, service, slice } from '../builders.ts';
import { kubeProxy } from '../view-builders.ts';
import {
  above,
  cacheAddress,
  type DnsPlan,
  dnsAddress,
  externalName,
  type Running,
  startServers,
} from './dns-servers.ts';
import { KubeletFiles } from './kubelet-files.ts';
import { folderPrefix, peersOf, type PodLab } from './lab-nodes.ts';
import { ipIn } from './lab-switch.ts';
import { makeCounters } from './loaded-rules.ts';
import { LookingUpPeer } from './looking-up-peer.ts';
import { whyNotHere } from './namespaces.ts';
import { wiredAs } from './pod-faults.ts';
import { openPodLab } from './pod-lab.ts';
import type { LabPod, PodNode } from './pod-node.ts';
import { programRules } from './programmed-rules.ts';

const programs = ['unbound', 'nsenter', 'mount', 'iptables-nft-restore', 'nfacct', 'conntrack'];

/** A node, what its kubelet writes, and who looks names up there. */
interface DnsNode {
  readonly node: PodNode;
  readonly files: KubeletFiles;
  readonly peer: LookingUpPeer;
}

/** What is known at one moment. */
export interface Look {
  /** Of every layer. */
  readonly findings: readonly Finding[];
  /** Which layer broke first between two ends, in the words of `plumbline trace`. */
  sentence(from: string, to: string): string;
}

export class DnsLab {
  readonly replicas: readonly [LabPod, LabPod];
  /** The objects of the API as they should be. */
  readonly state: ClusterSnapshot;
  readonly #lab: PodLab;
  readonly #folder: string;
  readonly #nodes: readonly [DnsNode, DnsNode];
  #running: Running | null = null;

  /** @throws with the command that failed, or with the one line that says why it cannot be opened here. */
  static async open(): Promise<DnsLab> {
    const obstacle = whyNotHere(programs);
    if (obstacle !== null) throw new Error(obstacle);
    const lab = await openPodLab('dns', 'bridge');
    try {
      const [one, two] = lab.nodes;
      if (one === undefined || two === undefined) throw new Error('the lab has two nodes');
      const replicas = [await one.addPodOf('kube-system', 'coredns-1'), await two.addPodOf('kube-system', 'coredns-2')];
      return new DnsLab(lab, [one, two], replicas as [LabPod, LabPod]);
    } catch (cause) {
      await lab.close();
      throw cause;
    }
  }

  private constructor(lab: PodLab, nodes: readonly [PodNode, PodNode], replicas: readonly [LabPod, LabPod]) {
    this.#lab = lab;
    this.replicas = replicas;
    this.#folder = mkdtempSync(join(tmpdir(), `${folderPrefix}${process.pid}-dns-`));
    this.state = stateOf(lab, replicas);
    ipIn(lab.switch.namespace, [
      ...above.map((server) => `addr add ${server}/32 dev br0`),
      ...nodes.map(({ range, address: via }) => `route add ${range} via ${via}`),
    ]);
    // There is no dummy link in every kernel.
    ipIn(nodes[0].namespace, ['link add nodelocaldns type bridge']);
    const opened = (node: PodNode): DnsNode => {
      makeCounters(node.namespace);
      this.program(node);
      const files = new KubeletFiles(node, peersOf(node, nodes), join(this.#folder, node.name));
      return { node, files, peer: new LookingUpPeer(node.namespace, externalName) };
    };
    this.#nodes = [opened(nodes[0]), opened(nodes[1])];
  }

  get nodes(): readonly [PodNode, PodNode] {
    return [this.#nodes[0].node, this.#nodes[1].node];
  }

  /** Programs a node as kube-proxy would for these objects. @param isLost true of a rule of KUBE-SERVICES that is left out. */
  program(node: PodNode, objects = this.state, isLost?: (line: string) => boolean): void {
    const localAddresses = ['127.0.0.1', node.address, `10.244.${node.number}.1`].map(address);
    programRules({ name: node.name, namespace: node.namespace, localAddresses }, objects, isLost);
  }

  /** Ends the servers that run, and starts all of them anew. */
  async start(plan: DnsPlan): Promise<Running> {
    await this.#running?.end();
    const { nodeResolvers = above, nodeLocal = false } = plan;
    const given = plan.given ?? (nodeLocal ? cacheAddress : dnsAddress);
    const [one, two] = this.#nodes;
    one.files.write({ clusterDns: given, nodeResolvers });
    two.files.write({ clusterDns: dnsAddress, nodeResolvers });
    // node-cache takes its address when it starts, and gives it back only when it ends in peace.
    const held = nodeLocal ? [`addr add ${cacheAddress}/32 dev nodelocaldns`] : [];
    ipIn(one.node.namespace, ['addr flush dev nodelocaldns', ...held]);
    const running = await startServers({ lab: this.#lab, replicas: this.replicas, folder: this.#folder }, plan);
    this.#running = running;
    return running;
  }

  /** Reads both nodes, has them look names up, and judges. */
  async look(objects = this.state): Promise<Look> {
    const told = this.#nodes.map(async ({ node: { name }, files, peer }) => {
      const observation = await observe(files.host());
      const dns = await peer.part(observation.parts);
      // No kube-proxy runs here, and none is missed.
      return { name, observation: { ...observation, parts: { ...observation.parts, dns, kubeProxy: kubeProxy() } } };
    });
    const nodes = await Promise.all(told);
    return {
      findings: judge(nodes, objects).report.findings,
      sentence: (from, to) => {
        const answer = diagnose({ from, to, port: null, protocol: null }, inputOf(nodes, objects));
        return answer.ok ? answer.diagnosis.sentence : answer.problem;
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map(({ peer }) => peer.end()));
    await this.#running?.end();
    await this.#lab.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The lab's own objects, the Services of the API server and of cluster DNS, and CoreDNS' configuration. */
function stateOf(lab: PodLab, [one, two]: readonly [LabPod, LabPod]): ClusterSnapshot {
  const read = readApiFolder(lab.writeApi(), 'judge the lab');
  if (!read.ok) throw new Error(read.refusal.cameBack);
  const api = service('default/kubernetes').clusterIP('10.96.0.1').port(443, 'https');
  const dns = service('kube-system/kube-dns').clusterIP(dnsAddress).port(53, 'dns', 'udp').port(53, 'dns-tcp', 'tcp');
  const dnsSlice = slice('kube-system/kube-dns')
    .port(53, 'dns', 'udp')
    .port(53, 'dns-tcp', 'tcp')
    .ready(wiredAs(one).address, { node: 'node-1' })
    .ready(wiredAs(two).address, { node: 'node-2' });
  return {
    ...read.value,
    services: [api.built, { ...dns.built, selector: { 'k8s-app': 'kube-dns' } }],
    endpointSlices: [slice('default/kubernetes').port(6443, 'https').ready('192.168.100.1').built, dnsSlice.built],
    networkPolicies: [],
    foreignPolicies: [],
    dnsConfigurations: [{ namespace: 'kube-system', name: 'coredns', files: { Corefile: corefile } }],
  };
}

/** As kubeadm writes it. */
const corefile = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
}
`;
