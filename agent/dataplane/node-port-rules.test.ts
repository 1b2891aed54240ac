import { parseRules } from 'node-iptables-parse';
import { describe, expect, it } from 'vitest';
import { nodePortRules } from './node-port-rules.ts';

function rulesWith(...lines: readonly string[]) {
  const chains = [':KUBE-NODEPORTS - [0:0]', ':KUBE-SERVICES - [0:0]', ':KUBE-SVC-A - [0:0]'];
  const text = ['*nat', ...chains, '-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SVC-A', ...lines, 'COMMIT', ''].join('\n');
  const parsed = parseRules(text, { expectTables: ['nat'], trailer: 'optional' });
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return nodePortRules(parsed.ruleset);
}

describe('the last rules of KUBE-SERVICES', () => {
  it('for all local addresses mean node ports on all, localhost included', () => {
    const found = rulesWith('-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS');
    expect(found).toEqual({ addresses: 'all', localhost: true });
  });

  it('for local addresses but loopback mean node ports not on localhost', () => {
    const found = rulesWith('-A KUBE-SERVICES ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS');
    expect(found).toEqual({ addresses: 'all', localhost: false });
  });

  it('for single addresses mean node ports on these, in their order', () => {
    const found = rulesWith(
      '-A KUBE-SERVICES -d 192.168.100.11/32 -j KUBE-NODEPORTS',
      '-A KUBE-SERVICES -d 192.168.101.11/32 -j KUBE-NODEPORTS',
    );
    expect(found).toEqual({ addresses: ['192.168.100.11/32', '192.168.101.11/32'], localhost: false });
  });

  it('that lead elsewhere say nothing', () => {
    expect(rulesWith()).toBeNull();
  });
});
