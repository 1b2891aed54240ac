/** What a node should do, with who asked for it. */
import type { ForwardingTable, FrontendKey } from '../../proto/forwarding.ts';

export type FrontendKind = 'clusterIP' | 'externalIP' | 'loadBalancerIP' | 'nodePort';

/** The service port behind a frontend. `kind` and `port` are null where only an owner hint names it. */
export interface DesiredOwner {
  readonly namespace: string;
  readonly name: string;
  /** The port's name, may be empty. */
  readonly portName: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly kind: FrontendKind | null;
}

export interface DesiredState {
  readonly table: ForwardingTable;
  readonly owners: ReadonlyMap<FrontendKey, DesiredOwner>;
}
