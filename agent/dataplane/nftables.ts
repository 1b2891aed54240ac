/**
 * kube-proxy's nftables mode: nft's text of its tables to what the node does with packets to Services, how the tables
 * are built, and what they say of kube-proxy's configuration.
 */
export { nftRuleFacts } from './nftables/facts.ts';
export { traceNftPacket } from './nftables/packet-path.ts';
export { parseNftables } from './nftables/reader.ts';
export { describeNftables } from './nftables/structure.ts';
export type { NftTable } from './nftables/table.ts';
export { type FamilyTable, type TracedNft, traceNftables } from './nftables/trace.ts';
