import { describe, expect, it } from 'vitest';
import { type Address, backendOf, parseAddress } from './address.ts';
import {
  chainHash,
  parseHashedChain,
  parseNftServiceChain,
  parseServicePortName,
  sepHash,
  servicePortName,
} from './chain-names.ts';

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
}

describe('the names of kube-proxy chains', () => {
  it.each([
    ['kube-system', 'kube-dns', 'dns', 'udp', 'TCOU7JCQXEZGVUNU'],
    ['kube-system', 'kube-dns', 'dns-tcp', 'tcp', 'ERIFXISQEP7F7OF4'],
    ['kube-system', 'kube-dns', 'metrics', 'tcp', 'JD5MR3NA4I4DYORP'],
    ['default', 'kubernetes', 'https', 'tcp', 'NPX46M4PTMTKRN6Y'],
  ] as const)('%s/%s:%s hashes as in published dumps', (namespace, name, port, protocol, expected) => {
    expect(chainHash(servicePortName(namespace, name, port), protocol)).toBe(expected);
  });

  it('a port without a name leaves no colon behind', () => {
    expect(servicePortName('shop', 'web', '')).toBe('shop/web');
    expect(chainHash('shop/web', 'tcp')).toBe('E3PXEPMWAWIUT6ZV');
  });

  it('an endpoint hashes with its address and port (dump in kubernetes#38372)', () => {
    expect(sepHash('ccp/keystone:5000', 'tcp', backendOf(address('10.247.61.227'), 5000))).toBe('MMRSUY2HT6SO3JN6');
  });

  it('tells service chains from endpoint chains and from all others', () => {
    expect(parseHashedChain('KUBE-SVC-TCOU7JCQXEZGVUNU')).toEqual({ kind: 'service', hash: 'TCOU7JCQXEZGVUNU' });
    expect(parseHashedChain('KUBE-FW-TCOU7JCQXEZGVUNU')).toEqual({ kind: 'service', hash: 'TCOU7JCQXEZGVUNU' });
    expect(parseHashedChain('KUBE-SEP-MMRSUY2HT6SO3JN6')).toEqual({ kind: 'endpoint', hash: 'MMRSUY2HT6SO3JN6' });
    expect(['KUBE-SERVICES', 'KUBE-SVC-short', 'DOCKER'].map(parseHashedChain)).toEqual([null, null, null]);
  });

  it('splits a service port name, and refuses what is none', () => {
    expect(parseServicePortName('shop/web:http')).toEqual({ namespace: 'shop', name: 'web', portName: 'http' });
    expect(parseServicePortName('shop/web')).toEqual({ namespace: 'shop', name: 'web', portName: '' });
    expect(['shop', 'shop/web http', 'a/b/c', ''].map(parseServicePortName)).toEqual([null, null, null, null]);
  });
});

describe('a chain of nftables mode', () => {
  it.each([
    ['service-ULMVA6XW-ns1/svc1/tcp/p80', { name: 'ns1/svc1:p80', protocol: 'tcp' }],
    ['external-HSM3D26Q-media/stream/udp/rtp', { name: 'media/stream:rtp', protocol: 'udp' }],
    ['firewall-XOKZDFOD-edge/public-lb/tcp/http', { name: 'edge/public-lb:http', protocol: 'tcp' }],
    ['local-XUBSFMRA-shop/draining-local/tcp/http', { name: 'shop/draining-local:http', protocol: 'tcp' }],
    // A port without a name.
    ['service-452DNVGS-shop/web/tcp/', { name: 'shop/web', protocol: 'tcp' }],
  ])('%s proves whose it is', (chain, owner) => {
    expect(parseNftServiceChain(chain)).toEqual(owner);
  });

  it.each([
    // Another hash, another name, an endpoint's, none.
    'service-ULMVA6XX-ns1/svc1/tcp/p80',
    'service-ULMVA6XW-ns1/svc2/tcp/p80',
    'endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80',
    'services',
  ])('%s proves nothing', (chain) => {
    expect(parseNftServiceChain(chain)).toBeNull();
  });
});
