/** Base chains in the order in which the kernel asks them. */
import type { NftChain, NftTable } from './table.ts';

export type HookName = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

/** Whatever a nat chain's own priority, the kernel asks all of them where its address translation stands. */
const natPriority: { readonly [hook in HookName]: number } = {
  prerouting: -100,
  output: -100,
  input: 100,
  postrouting: 100,
  forward: 0,
};

/** The base chains of one hook, first asked first. */
export function hookedChains(table: NftTable, hook: HookName): readonly NftChain[] {
  const hooked = [...table.chains.values()].filter(({ base }) => base?.hook === hook);
  const placed = hooked.map((chain) => {
    const priority = chain.base?.priority ?? 0;
    return { chain, priority, place: chain.base?.type === 'nat' ? natPriority[hook] : priority };
  });
  placed.sort((a, b) => a.place - b.place || a.priority - b.priority);
  return placed.map(({ chain }) => chain);
}
