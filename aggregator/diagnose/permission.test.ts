import { describe, expect, it } from 'vitest';
import { ask, told, type World } from '../../test/diagnosis-world.ts';
import { finding } from '../../test/report-builders.ts';
import type { NetworkPolicy } from '../model/policy.ts';

const everyPod = { matchLabels: {}, matchExpressions: [] };

/** shop/deny isolates every pod of shop, for ingress. */
const deny: NetworkPolicy = {
  namespace: 'shop',
  name: 'deny',
  uid: 'uid-of-deny',
  createdAt: '2026-11-22T07:00:00Z',
  podSelector: everyPod,
  types: ['ingress'],
  ingress: [],
  egress: [],
};
const letting = (port: number): NetworkPolicy => ({
  ...deny,
  name: 'let',
  ingress: [{ peers: [], ports: [{ protocol: 'tcp', port, endPort: null }] }],
});
const withPolicies = (...networkPolicies: readonly NetworkPolicy[]): World => ({
  snapshot: { networkPolicies, namespaces: [{ name: 'shop', labels: {}, annotations: {} } as never] },
});
const permission = (world: World, asked: Parameters<typeof ask>[1] = {}) => told(ask(world, asked), 'L5')[0];

describe('what policies say', () => {
  it('is that all is let through where none isolates an end, and of replies always', () => {
    expect(told(ask(withPolicies()), 'L5')).toEqual([
      'there pass: Policies let shop/web-0 reach shop/api-0 on tcp 8080: no policy isolates either end.',
      'back not-looked-at: Policies let through the replies of every connection that they allow.',
    ]);
  });

  it.each([
    [
      'denies it, and was the first of its namespace',
      [deny],
      'fail: shop/deny isolates shop/api-0 (ingress), and no rule lets shop/web-0 in on tcp 8080; it is the only NetworkPolicy in shop, there since 2026-11-22T07:00:00Z.',
    ],
    [
      'is opened by another',
      [deny, letting(8080)],
      'pass: Policies let shop/web-0 reach shop/api-0 on tcp 8080: by shop/let, ingress rule 0.',
    ],
    [
      "names the Service's port",
      [letting(80)],
      "fail: shop/let, ingress rule 0, lets shop/web-0 reach shop/api-0 at port 80, which is the Service's; policies see the pods' own port 8080, and no rule allows that.",
    ],
    [
      'names another port',
      [letting(9999)],
      'fail: shop/let isolates shop/api-0 (ingress), and no rule lets shop/web-0 in on tcp 8080; shop/let, ingress rule 0, fits but for its ports (9999).',
    ],
  ])('of one that %s', (_, policies, sentence) => {
    expect(permission(withPolicies(...policies))).toBe(`there ${sentence}`);
  });

  it('is not known without policies', () => {
    expect(permission({ snapshot: { networkPolicies: null } })).toBe(
      'there unknown: What NetworkPolicies say is not known: they, pods or Namespaces could not be listed.',
    );
  });

  it('is not the last word where policies of other kinds may concern an end', () => {
    const foreign = (namespace: string | null, ...policies: readonly NetworkPolicy[]) => ({
      snapshot: {
        ...withPolicies(...policies).snapshot,
        foreignPolicies: [{ kind: 'CiliumNetworkPolicy', namespace, name: 'x' }],
      },
    });
    expect([
      permission(foreign(null, deny)),
      permission(foreign('shop'), { to: 'pod/shop/api-0', protocol: 'udp' }),
    ]).toEqual([
      'there unknown: shop/deny isolates shop/api-0 (ingress), and no rule lets shop/web-0 in on tcp 8080; it is the only NetworkPolicy in shop, there since 2026-11-22T07:00:00Z; a policy of another kind that may let it through all the same is not judged: CiliumNetworkPolicy x.',
      'there unknown: No NetworkPolicy isolates either end, and a policy of another kind that may do so is not judged: CiliumNetworkPolicy shop/x.',
    ]);
    expect([permission(foreign('shop')), permission(foreign('other'))]).toEqual([
      'there unknown: NetworkPolicies allow it, and a policy of another kind that may forbid it is not judged: CiliumNetworkPolicy shop/x.',
      'there pass: Policies let shop/web-0 reach shop/api-0 on tcp 8080: no policy isolates either end.',
    ]);
  });

  it('is told with its doubt where no sign of anything that enforces it was seen', () => {
    const findings = [finding('policy-not-enforced', { layer: 'L5', node: null })];
    expect(permission({ ...withPolicies(deny), findings })).toMatch(
      /^there unknown: shop\/deny isolates .*; no sign of anything that enforces policies was seen here, and if nothing does, the packets pass all the same\.$/,
    );
  });

  it('depends on a port where none is asked', () => {
    const asked = { to: 'pod/shop/api-0' };
    expect([
      permission(withPolicies(), { ...asked, protocol: 'udp' }),
      permission(withPolicies(deny), { ...asked, protocol: 'udp' }),
    ]).toEqual([
      'there pass: No policy isolates either end: every port is let through.',
      'there unknown: shop/deny isolates an end, and which ports pass depends on the port: ask with a port.',
    ]);
  });
});
