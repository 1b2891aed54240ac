/** Changes of nf_tables are heard from the real kernel, by the real program; the reader of rules does not hear itself. */
import { spawnSync } from 'node:child_process';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../agent/clock.ts';
import { NftGenerationHint } from '../../agent/hints/nft-generation.ts';
import { type Host, localHost } from '../../agent/host.ts';
import { observe } from '../../agent/observe.ts';
import { recordedNftRules } from './lab-nft-rules.ts';
import { makeNamespace, mustRunIn, removeAbandoned, removeNamespace, whyNotHere } from './namespaces.ts';

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function sleep(milliseconds: number): Promise<void> {
  return systemClock.sleep(milliseconds, new AbortController().signal);
}

/** So many rules in one chain. */
function manyRules(count: number): string {
  const rules = Array.from({ length: count }, (_, i) => `-A PREROUTING -d 10.96.${i >> 8}.${i & 255}/32 -j ACCEPT\n`);
  return `*nat\n:PREROUTING ACCEPT\n${rules.join('')}COMMIT\n`;
}

function programsIn(namespace: string): string {
  return spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' }).stdout.trim();
}

describe('a node whose rules are in nf_tables', () => {
  let namespace = '';
  let host: Host;
  let hint: NftGenerationHint;
  let told = 0;

  beforeAll(() => {
    const obstacle = whyNotHere(['iptables-nft', 'iptables-nft-restore', 'nft', 'stdbuf', 'xtables-monitor']);
    if (obstacle !== null) throw new Error(obstacle);
    removeAbandoned();
  });

  beforeEach(async () => {
    namespace = makeNamespace('hints');
    mustRunIn(namespace, 'iptables-nft-restore', [], manyRules(20));
    host = localHost({ netns: namespace });
    hint = new NftGenerationHint({ host, clock: systemClock, log });
    told = 0;
    hint.start(() => {
      told++;
    });
    hint.heed(await observe(host));
    await heard(() => change('192.0.2.1'));
  });

  afterEach(async () => {
    await hint.stop();
    // The killed are still listed for a moment.
    while (programsIn(namespace) !== '') await sleep(10);
    removeNamespace(namespace);
  });

  function change(source: string): void {
    mustRunIn(namespace, 'iptables-nft', ['-t', 'nat', '-A', 'PREROUTING', '-s', source, '-j', 'ACCEPT']);
  }

  /** Makes a change until it is told: the program may need a moment to begin listening. */
  async function heard(make: () => void): Promise<void> {
    const before = told;
    for (let attempt = 0; attempt < 50 && told === before; attempt++) {
      make();
      for (let turn = 0; turn < 20 && told === before; turn++) await sleep(10);
    }
    expect(told).toBeGreaterThan(before);
  }

  it('hears a rule of iptables-nft, and a table of nft', async () => {
    await heard(() => change('192.0.2.2'));
    await heard(() => mustRunIn(namespace, 'nft', ['add', 'table', 'inet', `other${told}`]));
  });

  it('does not hear that it is read', async () => {
    await sleep(300);
    const before = told;
    await observe(host);
    await observe(host, { wishes: { evidenceFor: ['0'.repeat(32)], expectsChange: true } });
    await sleep(300);
    expect(told).toBe(before);
    await heard(() => change('192.0.2.3'));
  });

  it("hears what changes in kube-proxy's nftables rules, and does not hear that they are read", async () => {
    await heard(() => mustRunIn(namespace, 'nft', ['-f', '-'], recordedNftRules()));
    await sleep(300);
    const before = told;
    const { parts } = await observe(host);
    expect(parts.nftables.state).toBe('ok');
    await sleep(300);
    expect(told).toBe(before);
    const element = `{ 10.96.200.${told % 250} . tcp . 80 : drop }`;
    await heard(() => mustRunIn(namespace, 'nft', ['add', 'element', 'ip', 'kube-proxy', 'service-ips', element]));
  });

  it('hears a change too large to be told, and small ones after it', async () => {
    await sleep(300);
    await heard(() => mustRunIn(namespace, 'iptables-nft-restore', [], manyRules(5000)));
    await sleep(1500);
    await heard(() => change('192.0.2.4'));
  });
});
