import { describe, expect, it } from 'vitest';
import { chainHash } from '../../proto/chain-names.ts';
import {
  everyone,
  excerpt,
  forwardTo,
  forwardWith,
  nodeView,
  preroutingJump,
  silentKubeProxy,
  structure,
  unreadable,
  untaken,
} from '../../test/view-builders.ts';
import { checks } from '../checks/index.ts';
import type { Finding } from '../model/finding.ts';
import { findingsOf } from '../../test/findings-of.ts';

const web = 'tcp 10.96.0.1:80';
const cart = 'tcp 10.96.0.3:6379';
const owners = { [web]: 'shop/web:http', [cart]: 'shop/cart:redis' };
const served = everyone(forwardTo('10.244.1.2:8080'));
const others = everyone(forwardTo('10.244.9.9:8080'));
const onlyNode = { ...served, pod: untaken, outside: untaken };
const desired = [
  [web, served],
  [cart, served],
] as const;

/** `check: subject`, and after an arrow the check of its parent. */
function outline(findings: readonly Finding[]): readonly string[] {
  const byFingerprint = new Map(findings.map((finding) => [finding.fingerprint, finding]));
  return findings.map(({ check, subject, parent }) => {
    const name = subject.kind === 'Service' ? `${subject.namespace}/${subject.name}` : subject.name;
    return `${check}: ${name}${parent === null ? '' : ` <- ${byFingerprint.get(parent)?.check}`}`;
  });
}

describe('causes', () => {
  it('a lost base jump is the cause of every missing service', () => {
    const view = nodeView({
      desired,
      observed: [
        [web, onlyNode],
        [cart, onlyNode],
      ],
      owners,
      structures: [structure({ missingBaseJumps: [preroutingJump] })],
    });
    expect(outline(findingsOf(view, checks))).toEqual([
      'missing-base-jump: node-a',
      'missing-service: shop/cart <- missing-base-jump',
      'missing-service: shop/web <- missing-base-jump',
    ]);
  });

  it('what a lost base jump does not account for stays a finding of its own', () => {
    const view = nodeView({
      desired,
      observed: [
        [web, onlyNode],
        [cart, others],
      ],
      owners,
      structures: [structure({ missingBaseJumps: [preroutingJump] })],
    });
    expect(outline(findingsOf(view, checks))).toEqual([
      'missing-base-jump: node-a',
      'missing-service: shop/web <- missing-base-jump',
      'stale-endpoint: shop/cart',
      'missing-endpoint: shop/cart <- stale-endpoint',
    ]);
  });

  it('a silent kube-proxy is the cause of all old rules; children of children hang on it, too', () => {
    const view = nodeView({ desired, observed: [[web, others]], owners, parts: { kubeProxy: silentKubeProxy() } });
    expect(outline(findingsOf(view, checks))).toEqual([
      'missing-service: shop/cart <- proxy-down',
      'proxy-down: node-a',
      'stale-endpoint: shop/web <- proxy-down',
      'missing-endpoint: shop/web <- proxy-down',
    ]);
  });

  it('a damaged mark chain is the cause of what is not masqueraded, also under a silent kube-proxy', () => {
    const marked = everyone(forwardWith(['10.244.1.2:8080'], { dress: { masquerade: 'always' } }));
    const view = nodeView({
      desired: [[web, marked]],
      observed: [[web, served]],
      owners,
      structures: [structure({ masqueradePath: 'mark-not-set' })],
      parts: { kubeProxy: silentKubeProxy() },
    });
    expect(outline(findingsOf(view, checks))).toEqual([
      'proxy-down: node-a',
      'missing-masquerade: nat KUBE-MARK-MASQ (ipv4)',
      'missing-masquerade: shop/web <- missing-masquerade',
    ]);
  });

  it('a silent kube-proxy neither damages nor doubles rules', () => {
    const target = `KUBE-SVC-${chainHash('shop/web:http', 'tcp')}`;
    const line = { table: 'nat', chain: 'KUBE-SERVICES', rule: `-A KUBE-SERVICES -j ${target}` };
    const view = nodeView({
      desired,
      observed: [[cart, served]],
      owners,
      structures: [
        structure({ danglingJumps: excerpt({ ...line, target }), duplicateRules: excerpt({ ...line, count: 2 }) }),
      ],
      parts: { kubeProxy: silentKubeProxy() },
    });
    expect(outline(findingsOf(view, checks))).toEqual([
      'dangling-jump: shop/web',
      'missing-service: shop/web <- dangling-jump',
      'proxy-down: node-a',
      'duplicate-rules: shop/web',
    ]);
  });

  it('a deleted entry leaves a chain that nothing refers to: the missing service is the cause', () => {
    const chain = `KUBE-SVC-${chainHash('shop/cart:redis', 'tcp')}`;
    const view = nodeView({
      desired,
      observed: [[web, served]],
      owners,
      structures: [structure({ orphanedChains: excerpt({ table: 'nat', chain }) })],
    });
    expect(outline(findingsOf(view, checks))).toEqual([
      'missing-service: shop/cart',
      'orphaned-chains: shop/cart <- missing-service',
    ]);
  });

  it('two backends that disagree: the services are children in state unknown', () => {
    const view = nodeView({
      desired,
      observed: [
        [web, everyone(unreadable('order-not-visible'))],
        [cart, served],
      ],
      owners,
      structures: [structure(), structure({ backend: 'legacy' })],
    });
    const findings = findingsOf(view, checks);
    expect(outline(findings)).toEqual(['mixed-backends: node-a', 'mixed-backends: shop/web <- mixed-backends']);
    expect(findings.map(({ state }) => state)).toEqual(['firing', 'unknown']);
  });
});
