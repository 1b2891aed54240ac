/** kube-proxy's whole table of nftables mode for a cluster, from the skeleton and what each service port puts into it. */
import { servedPorts } from '../../aggregator/audit/service-ports.ts';
import type { ClusterState } from '../../aggregator/model/cluster.ts';
import { type NftProxy, type WrittenPort, writePort } from './nft-service.ts';
import { emptyTable } from './nft-skeleton.ts';
import type { WrittenNft } from './nft-written.ts';

/** The table of the proxy's family. */
export function writeNft(proxy: NftProxy, state: ClusterState): WrittenNft {
  const ports = servedPorts(state, proxy.configuration.family).map((served) => writePort(proxy, served));
  return withPorts(emptyTable(proxy.configuration), ports);
}

/** A table with what some service ports ask for; an element that two of them ask for is there once. */
export function withPorts(table: WrittenNft, ports: readonly WrittenPort[]): WrittenNft {
  const sets = new Map(table.sets);
  const chains = new Map(table.chains);
  for (const port of ports) {
    for (const [name, set] of port.sets) sets.set(name, set);
    for (const [name, chain] of port.chains) chains.set(name, chain);
    for (const [name, elements] of port.elements) {
      const set = sets.get(name);
      if (set === undefined) throw new Error(`kube-proxy has no set or map ${name} in this shape`);
      const fresh = elements.filter(({ text }) => set.elements.every((held) => held.text !== text));
      sets.set(name, { ...set, elements: [...set.elements, ...fresh] });
    }
  }
  return { ...table, sets, chains };
}
