/** What the kubelet of a lab's node reads and writes: its configuration, the node's resolv.conf, those of its pods. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../../agent/host.ts';
import { labHost } from './lab-host.ts';
import { mustRunIn } from './namespaces.ts';
import type { PodNode } from './pod-node.ts';

export interface KubeletSettings {
  /** Its `clusterDNS`. */
  readonly clusterDns: string;
  /** The servers that the node itself asks; pods with dnsPolicy Default are given these. */
  readonly nodeResolvers: readonly string[];
}

export class KubeletFiles {
  readonly #node: PodNode;
  readonly #folder: string;
  readonly #strangers: ReadonlySet<string>;

  /** Mounts the files into the pods that the node has now. @param others its peers. */
  constructor(node: PodNode, others: readonly PodNode[], folder: string) {
    this.#node = node;
    this.#folder = folder;
    this.#strangers = new Set(others.flatMap(({ pods }) => pods.map(({ pid }) => String(pid))));
    mkdirSync(folder, { recursive: true });
    this.write({ clusterDns: '', nodeResolvers: [] });
    for (const { namespace, networkNamespace, pid } of node.pods) {
      const file = this.#file(namespace === 'kube-system' ? 'resolv.conf' : 'pod-resolv.conf');
      const mount = ['--target', String(pid), '--mount', 'mount', '--bind', file, '/etc/resolv.conf'];
      mustRunIn(networkNamespace, 'nsenter', mount);
    }
  }

  /** The node as its agent sees it. */
  host(): Host {
    const places = {
      ...this.#node.places,
      '/etc/resolv.conf': this.#file('resolv.conf'),
      '/var/lib/kubelet/config.yaml': this.#file('config.yaml'),
    };
    const get: Host['get'] = async (url) => ({ ok: false, kind: 'refused', message: `GET ${url}: connection refused` });
    return { ...labHost({ namespace: this.#node.namespace, places, strangers: this.#strangers }), get };
  }

  /** The files stay the same ones, so that pods see what is written. */
  write({ clusterDns, nodeResolvers }: KubeletSettings): void {
    this.#write('config.yaml', [
      'apiVersion: kubelet.config.k8s.io/v1beta1',
      'kind: KubeletConfiguration',
      'clusterDNS:',
      `- ${clusterDns}`,
      'clusterDomain: cluster.local',
      'resolvConf: /etc/resolv.conf',
    ]);
    this.#write(
      'resolv.conf',
      nodeResolvers.map((each) => `nameserver ${each}`),
    );
    this.#write('pod-resolv.conf', [
      'search shop.svc.cluster.local svc.cluster.local cluster.local',
      `nameserver ${clusterDns}`,
      'options ndots:5',
    ]);
  }

  #write(name: string, lines: readonly string[]): void {
    writeFileSync(this.#file(name), `${lines.join('\n')}\n`);
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }
}
