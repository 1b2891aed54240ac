/** One frontend of a Service, on the node that translates its packets. */
import type { Address } from '../../proto/address.ts';
import type { ServiceTarget, Source } from './ends.ts';
import type { AskedPort } from './frontends.ts';

export interface Translation {
  readonly source: Source;
  /** The source's own address, where it has one of the family. */
  readonly sourceAddress: Address | null;
  readonly target: ServiceTarget;
  readonly asked: AskedPort;
  readonly node: string;
}

/** `shop/web:http (tcp 10.96.1.4:80)`, `shop/web:http (tcp node port 30080)` */
export function labelOf({ service }: ServiceTarget, { port, key }: AskedPort): string {
  const at = key.replace(/ node[46]:/, ' node port ');
  return `${service.namespace}/${service.name}${port.name === '' ? '' : `:${port.name}`} (${at})`;
}
