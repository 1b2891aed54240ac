/**
 * The rules by which a real kube-proxy drops what has no local endpoint, in the cases of its own tests: they are found by
 * what they do, and are as many as have the comment that says so.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRules } from 'node-iptables-parse';
import { describe, expect, it } from 'vitest';
import { localDropsOf } from '../../agent/dataplane/local-drops.ts';
import { ruleTables } from '../../agent/dataplane/rule-tables.ts';

const folder = join(import.meta.dirname, '../../../shared/fixtures/kube-proxy-flows/iptables');
const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.json')) : [];
if (files.length === 0) {
  process.stdout.write('local drops: all cases not run: the cases of kube-proxy are not beside this checkout\n');
}

function dropsIn(file: string): { readonly found: readonly string[]; readonly told: number } {
  const { iptablesSave } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { readonly iptablesSave: string };
  const parsed = parseRules(iptablesSave, { expectTables: [], trailer: 'optional' });
  if (!parsed.ok) throw new Error(`line ${parsed.failure.line}: ${parsed.failure.message}`);
  const drops = localDropsOf(ruleTables(parsed.ruleset, 'ipv4'));
  return {
    found: drops.map(({ frontend }) => frontend),
    told: iptablesSave.split('has no local endpoints').length - 1,
  };
}

describe.skipIf(files.length === 0)('rules of kube-proxy', () => {
  it('drop what comes to Services without local endpoints, and are told in every case', () => {
    const all = files.map(dropsIn);
    expect(all.map(({ found }) => found.length)).toEqual(all.map(({ told }) => told));
    expect(all.filter(({ told }) => told > 0).length).toBeGreaterThan(1);
  });

  it('name the frontend: a cluster IP whose internalTrafficPolicy is Local', () => {
    const file = files.find((name) => name.includes('internalTrafficPolicy_is_local_and_there_are_no_local_endpoints'));
    expect(dropsIn(file ?? '').found).toEqual(['tcp 172.30.1.1:80']);
  });
});
