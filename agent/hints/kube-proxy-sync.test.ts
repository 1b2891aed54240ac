import { afterEach, describe, expect, it } from 'vitest';
import type { IptablesBackend } from '../../proto/parts.ts';
import { ManualClock } from '../../test/manual-clock.ts';
import { nodeView, reported, structure } from '../../test/view-builders.ts';
import type { GetResult } from '../host.ts';
import { scriptedHost } from '../scripted-host.ts';
import { KubeProxySyncHint, lastSyncs } from './kube-proxy-sync.ts';

/** What kube-proxy says: a timestamp per family among other lines. */
function metrics(ipv4: number, ipv6: number): string {
  const name = 'kubeproxy_sync_proxy_rules_last_timestamp_seconds';
  return [
    'go_goroutines 80',
    `# HELP ${name} [ALPHA] The last time proxy rules were successfully synced`,
    `# TYPE ${name} gauge`,
    `${name}{ip_family="IPv4"} ${ipv4}`,
    `${name}{ip_family="IPv6"} ${ipv6}`,
    `${name}_of_another{ip_family="IPv6"} 7`,
    'process_open_fds 12',
    '',
  ].join('\n');
}

/** kube-proxy, asked over and over; every answer takes so long. */
class Bench {
  readonly clock = new ManualClock();
  /** Seconds at which it was asked, and at which a change was told. */
  readonly asked: number[] = [];
  readonly told: number[] = [];
  answer: GetResult = { ok: true, status: 200, body: metrics(100, 100) };
  answerMs = 1;
  isReading = false;
  hearsNft = false;
  readonly hint: KubeProxySyncHint;

  constructor() {
    const host = {
      ...scriptedHost({}),
      get: async () => {
        this.asked.push(Math.round(this.clock.monotonicMs() / 1000));
        this.clock.pass(this.answerMs / 1000);
        return this.answer;
      },
    };
    this.hint = new KubeProxySyncHint({
      host,
      clock: this.clock,
      ownCpu: () => 0,
      isReading: () => this.isReading,
      hearsNft: () => this.hearsNft,
    });
    this.hint.start(() => this.told.push(Math.round(this.clock.monotonicMs() / 1000)));
  }

  says(ipv4: number, ipv6: number): void {
    this.answer = { ok: true, status: 200, body: metrics(ipv4, ipv6) };
  }

  heed(...backends: readonly IptablesBackend[]): void {
    const { parts } = nodeView();
    const { iptables } = parts;
    if (iptables.state !== 'ok') throw new Error('the view has no rules');
    const structures = backends.map((backend) => structure({ backend }));
    this.hint.heed({ parts: { ...parts, iptables: reported({ ...iptables.value, structures }) } });
  }
}

let bench: Bench;

function started(): Bench {
  bench = new Bench();
  return bench;
}

afterEach(() => bench.hint.stop());

describe("a sync of kube-proxy's", () => {
  it('is told within a second, the first answer and later equal ones are not', async () => {
    const { clock, told, asked, hint } = started();
    await clock.advance(3.5);
    bench.says(100, 103);
    await clock.advance(3);
    expect([asked, told, hint.isListening]).toEqual([[1, 2, 3, 4, 5, 6], [4], true]);
  });

  it('during a silence of kube-proxy is told when it speaks again', async () => {
    const { clock, told, hint } = started();
    await clock.advance(2);
    bench.answer = { ok: false, kind: 'refused', message: 'connection refused' };
    await clock.advance(2);
    expect(hint.isListening).toBe(false);
    bench.says(130, 130);
    await clock.advance(60);
    expect([told, hint.isListening]).toEqual([[32], true]);
  });
});

describe('kube-proxy is asked', () => {
  it('so seldom that its answers take three thousandths of the time', async () => {
    const { clock, asked } = started();
    bench.answerMs = 15;
    await clock.advance(22);
    expect(asked).toEqual([1, 6, 11, 16, 21]);
  });

  it('twice a minute where it does not say when it synced', async () => {
    const { clock, asked, hint } = started();
    bench.answer = { ok: true, status: 200, body: 'go_goroutines 80\n' };
    await clock.advance(65);
    expect([asked, hint.isListening]).toEqual([[1, 31, 61], false]);
  });

  it('not while the node is read', async () => {
    const { clock, asked } = started();
    await clock.advance(1.5);
    bench.isReading = true;
    await clock.advance(3);
    bench.isReading = false;
    await clock.advance(1);
    expect(asked).toEqual([1, 5]);
  });

  it('twice a minute where its rules are in nf_tables, whose changes are heard', async () => {
    const { clock, asked } = started();
    bench.hearsNft = true;
    bench.heed('nft');
    await clock.advance(35);
    expect(asked).toEqual([1, 31]);
  });

  it('as often as ever where some rules are of iptables-legacy', async () => {
    const { clock, asked } = started();
    bench.hearsNft = true;
    bench.heed('nft', 'legacy');
    await clock.advance(3.5);
    expect(asked).toEqual([1, 2, 3]);
  });
});

describe('the times of the last syncs', () => {
  it('are the sample lines alone', () => {
    expect(lastSyncs(metrics(1, 2))).toContain('{ip_family="IPv4"} 1\n');
    expect(lastSyncs('# HELP kubeproxy_sync_proxy_rules_last_timestamp_seconds text\n')).toBeNull();
  });

  it('may stand first and last, and be cut', () => {
    const line = 'kubeproxy_sync_proxy_rules_last_timestamp_seconds 5';
    expect([lastSyncs(line), lastSyncs('')]).toEqual([line, null]);
  });
});
