/** One node's lookups as a process in its namespace, see lookup-peer.ts. */
import type { LookupsToldOf } from '../../agent/lookups/looking-up.ts';
import type { DnsReport, NodeParts, Part } from '../../proto/parts.ts';
import { LinePeer } from './line-peer.ts';
import type { LookupOrder } from './lookup-peer.ts';

/** The round of each minute comes 25 times a second; what is not answered in time must not be ten minutes old then. */
const haste = 1_500;

export class LookingUpPeer extends LinePeer<LookupOrder, LookupsToldOf> {
  constructor(namespace: string, externalName: string) {
    super(namespace, 'lookup-peer.ts', [haste, externalName]);
  }

  /** The part `dns` of a node that was read, with what its lookups come to now. @throws where either part was not read. */
  async part({ dns, forwarding }: Pick<NodeParts, 'dns' | 'forwarding'>): Promise<Part<DnsReport>> {
    if (dns.state !== 'ok' || forwarding.state !== 'ok') {
      throw new Error(`dns is ${dns.state}, forwarding is ${forwarding.state}`);
    }
    const told = await this.do({ dns: dns.value, table: [...forwarding.value.table] });
    return { ...dns, value: { ...dns.value, ...told } };
  }
}
