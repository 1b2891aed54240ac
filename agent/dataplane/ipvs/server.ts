/** The kernel's load balancer (IPVS): virtual servers, and the real servers that each of them spreads clients over. */
import type { Address, Backend } from '../../../proto/address.ts';
import type { Protocol } from '../../../proto/forwarding.ts';

/** How packets reach a real server: `masq` and `local` translate, `route` and `tunnel` hand them on as they are. */
export type ForwardMethod = 'masq' | 'local' | 'route' | 'tunnel';

export interface RealServer {
  readonly backend: Backend;
  readonly method: ForwardMethod;
  /** 0 = it gets no new clients. */
  readonly weight: number;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
}

export interface VirtualService {
  readonly protocol: Protocol;
  readonly address: Address;
  readonly port: number;
  /** `rr`, `wrr`, `lc`, ... */
  readonly scheduler: string;
  /** How long a client stays with its real server, in the kernel's own ticks; null = it does not. */
  readonly persistentTicks: number | null;
  readonly servers: readonly RealServer[];
}

declare const serverKeyBrand: unique symbol;
/** Names a virtual server: `tcp 10.96.0.1:443`, `tcp [fd00::1]:443`. */
export type ServerKey = string & { readonly [serverKeyBrand]: true };

/** The name of the virtual server of an address and port. */
export function serverKey(protocol: Protocol, address: Address, port: number): ServerKey {
  return (address.includes(':') ? `${protocol} [${address}]:${port}` : `${protocol} ${address}:${port}`) as ServerKey;
}

/** What was read, or why not: the line and what is wrong with it. */
export type ReadText<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly line: number; readonly problem: string };
