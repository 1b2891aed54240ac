/**
 * The names kube-proxy gives its chains. One hash stands for one service port, so a chain's name proves what a
 * rule's comment only claims. Source: servicePortChainName and servicePortEndpointChainName in kube-proxy's
 * pkg/proxy/iptables/proxier.go; no separator stands between the hashed parts.
 */
import { hash } from 'node:crypto';
import type { Backend } from './address.ts';
import type { Protocol } from './forwarding.ts';

/** Chains that carry the hash of a service port; KUBE-XLB- is the name of KUBE-EXT- before v1.24. */
const servicePrefixes = ['KUBE-SVC-', 'KUBE-SVL-', 'KUBE-EXT-', 'KUBE-FW-', 'KUBE-XLB-'] as const;
const endpointPrefix = 'KUBE-SEP-';
const hashLength = 16;
const nftHashLength = 8;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** A chain that belongs to one service port, or to one endpoint of it. */
export interface HashedChain {
  readonly kind: 'service' | 'endpoint';
  /** 16 characters of A-Z and 2-7. */
  readonly hash: string;
}

/** `ns/name:port`, or `ns/name` where the port has no name: kube-proxy's ServicePortName as text. */
export function servicePortName(namespace: string, name: string, portName: string): string {
  return portName === '' ? `${namespace}/${name}` : `${namespace}/${name}:${portName}`;
}

/** Splits `ns/name:port` or `ns/name`; null when the text is neither. */
export function parseServicePortName(
  text: string,
): { readonly namespace: string; readonly name: string; readonly portName: string } | null {
  const parts = /^([a-z0-9][a-z0-9.-]*)\/([a-z0-9][a-z0-9.-]*)(?::([a-z0-9][a-z0-9-]*))?$/.exec(text);
  const [, namespace, name, portName = ''] = parts ?? [];
  return namespace === undefined || name === undefined ? null : { namespace, name, portName };
}

/**
 * The hash in the names of a service port's chains (`KUBE-SVC-`, `KUBE-SVL-`, `KUBE-EXT-`, `KUBE-FW-`).
 * @param name `ns/name:port`, see servicePortName.
 */
export function chainHash(name: string, protocol: Protocol): string {
  return shortHash(name + protocol);
}

/** The hash in the name of an endpoint's chain, `KUBE-SEP-`. */
export function sepHash(name: string, protocol: Protocol, backend: Backend): string {
  return shortHash(name + protocol + backend);
}

/** Reads a chain's name; null when it carries no hash of a service port or endpoint. */
export function parseHashedChain(chain: string): HashedChain | null {
  const prefix = [...servicePrefixes, endpointPrefix].find((candidate) => chain.startsWith(candidate));
  if (prefix === undefined) return null;
  const rest = chain.slice(prefix.length);
  if (!/^[A-Z2-7]{16}$/.test(rest)) return null;
  return { kind: prefix === endpointPrefix ? 'endpoint' : 'service', hash: rest };
}

/**
 * The service port that a chain of nftables mode serves (`service-`, `local-`, `external-`, `firewall-`); null where the
 * name is none of them, or does not hash as it says: names are free to whoever writes rules. Source:
 * servicePortChainNameBase in kube-proxy's pkg/proxy/nftables/proxier.go.
 */
export function parseNftServiceChain(chain: string): { readonly name: string; readonly protocol: Protocol } | null {
  const parts = /^(?:service|local|external|firewall)-([A-Z2-7]{8})-(([^/]+)\/([^/]+)\/(tcp|udp|sctp)\/([^/]*))$/.exec(
    chain,
  );
  const [, written, base = '', namespace = '', service = '', protocol, port = ''] = parts ?? [];
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return null;
  if (written !== shortHash(base).slice(0, nftHashLength)) return null;
  return { name: servicePortName(namespace, service, port), protocol };
}

/** The first 16 characters of the base32 text (RFC 4648) of the SHA-256: 80 bits, so no padding is ever met. */
function shortHash(text: string): string {
  const bytes = hash('sha256', text, 'buffer');
  let result = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5 && result.length < hashLength) {
      bits -= 5;
      result += alphabet.charAt((held >> bits) & 31);
    }
    held &= (1 << bits) - 1;
    if (result.length === hashLength) break;
  }
  return result;
}
