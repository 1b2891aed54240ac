/** The names that kube-proxy's nftables mode gives to chains and sets (servicePortChainNameBase, pkg/proxy/nftables). */
import { createHash } from 'node:crypto';
import { type Backend, parseHostPort } from '../../proto/address.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const maxLength = 240;

/** `ULMVA6XW-ns1/svc1/tcp/p80`, behind `service-`, `local-`, `external-` and `firewall-`. */
export function servicePortBase(port: {
  readonly service: string;
  readonly protocol: string;
  readonly portName: string;
}): string {
  return hashed(`${port.service}/${port.protocol}/${port.portName}`);
}

/** `5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80`, behind `endpoint-` and `affinity-`. */
export function endpointBase(port: Parameters<typeof servicePortBase>[0], backend: Backend): string {
  const { address = '', port: number = 0 } = parseHostPort(backend) ?? {};
  return hashed(`${port.service}/${port.protocol}/${port.portName}__${address.replaceAll(':', '.')}/${number}`);
}

function hashed(text: string): string {
  const digest = createHash('sha256').update(text).digest();
  let bits = '';
  for (const byte of digest.subarray(0, 5)) bits += byte.toString(2).padStart(8, '0');
  const hash = Array.from({ length: 8 }, (_, at) => alphabet[Number.parseInt(bits.slice(at * 5, at * 5 + 5), 2)]);
  const name = `${hash.join('')}-${text}`;
  return name.length > maxLength ? `${name.slice(0, maxLength - 3)}...` : name;
}
