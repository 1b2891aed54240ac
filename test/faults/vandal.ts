/** Somebody who breaks rules on nodes and never mends any. */
import { type Cluster, type NodeName, nodeNames } from '../e2e/cluster.ts';
import { portsOf, withoutFirstTarget } from '../e2e/kube-proxy-rules.ts';

/** Damages Services of both nodes by turns, another one each time. */
export class Vandal {
  readonly #cluster: Cluster;
  readonly #left: { readonly node: NodeName; readonly port: string }[];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#left = portsOf(cluster.nodes['node-a'].rules()).flatMap((port) => nodeNames.map((node) => ({ node, port })));
  }

  strike(): void {
    const next = this.#left.shift();
    if (next === undefined) throw new Error('all Services are damaged');
    const node = this.#cluster.nodes[next.node];
    node.write(withoutFirstTarget(node.rules(), next.port));
  }
}
