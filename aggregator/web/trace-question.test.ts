import { describe, expect, it } from 'vitest';
import { apiPath, askedOf, pairOf, podChoices, tracePath } from './trace-question.ts';

describe('a question about a way', () => {
  it('is in the URL what was said, and is read back from there', () => {
    const asked = { from: 'pod/shop/cart-0', to: 'svc/shop/web:http', port: '53', protocol: 'udp' };
    const path = tracePath(asked);
    expect(path).toBe('/trace?from=pod%2Fshop%2Fcart-0&to=svc%2Fshop%2Fweb%3Ahttp&port=53&protocol=udp');
    expect(askedOf(new URLSearchParams(path.split('?')[1]))).toEqual(asked);
  });

  it('is the same for the API', () => {
    const asked = askedOf(new URLSearchParams('from=node/node-a&to=10.0.0.1'));
    expect(apiPath(asked)).toBe('/api/v1/diagnose?from=node%2Fnode-a&to=10.0.0.1');
  });

  it('is not asked while an end is missing or blank', () => {
    expect(
      ['', 'from=node/a', 'to=node/a', 'from=%20&to=node/a'].map((it) => apiPath(askedOf(new URLSearchParams(it)))),
    ).toEqual([null, null, null, null]);
  });

  it('keeps hostile text inside of one parameter', () => {
    expect(tracePath({ from: 'a&to=evil#x', to: '"><script>' })).toBe(
      '/trace?from=a%26to%3Devil%23x&to=%22%3E%3Cscript%3E',
    );
  });
});

describe('the pods that may stand for a workload', () => {
  const asked = { from: 'deployment/shop/cart', to: 'statefulset/db/pg', port: '5432', protocol: '' };
  /** As aggregator/diagnose/ends.ts says it. */
  const detail = (end: string, pods: string) =>
    `${end} is a workload, and what breaks may be on one node alone: ask about one pod. ${pods}`;

  it('are those that the answer names, in the place of the end that it speaks of', () => {
    expect(
      podChoices(asked, detail('deployment/shop/cart', 'It has pod/shop/cart-0, pod/shop/cart-1.b and 7 more.')),
    ).toEqual([
      { pod: 'pod/shop/cart-0', question: { ...asked, from: 'pod/shop/cart-0' } },
      { pod: 'pod/shop/cart-1.b', question: { ...asked, from: 'pod/shop/cart-1.b' } },
    ]);
    expect(podChoices(asked, detail('statefulset/db/pg', 'It has pod/db/pg-0.'))).toEqual([
      { pod: 'pod/db/pg-0', question: { ...asked, to: 'pod/db/pg-0' } },
    ]);
  });

  it('are none where it has none, or says something else', () => {
    expect(podChoices(asked, detail('deployment/shop/cart', 'It has no pod now.'))).toEqual([]);
    expect(podChoices(asked, 'There is no pod/shop/cart-9.')).toEqual([]);
    expect(podChoices({ ...asked, from: '', to: '' }, detail('', 'It has pod/shop/cart-0.'))).toEqual([]);
  });
});

describe('the way that a finding speaks of', () => {
  const service = { kind: 'Service', namespace: 'shop', name: 'web', protocol: 'tcp' } as const;

  it.each([
    [{ ...service, port: 'http' }, 'svc/shop/web:http'],
    [{ ...service, port: '' }, 'svc/shop/web'],
    [{ kind: 'Pod', namespace: 'shop', name: 'cart-0' }, 'pod/shop/cart-0'],
    [{ kind: 'Peer', name: 'node-a' }, 'node/node-a'],
    [{ kind: 'Peer', name: '192.0.2.1' }, '192.0.2.1'],
    [{ kind: 'Peer', name: '2001:db8::1' }, '2001:db8::1'],
  ] as const)('goes from its node to %o', (subject, to) => {
    expect(pairOf({ node: 'node-b', subject })).toEqual({ from: 'node/node-b', to });
  });

  it('is none where it has no node, or is about no end of a way', () => {
    expect(pairOf({ node: null, subject: { ...service, port: '' } })).toBeNull();
    expect(pairOf({ node: 'node-b', subject: { kind: 'Link', name: 'flannel.1' } })).toBeNull();
  });
});
