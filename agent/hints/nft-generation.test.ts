import { afterEach, describe, expect, it } from 'vitest';
import type { NodeParts } from '../../proto/parts.ts';
import { ManualClock, quiet } from '../../test/manual-clock.ts';
import { nodeView, reported, structure } from '../../test/view-builders.ts';
import type { Command, Host, RunResult } from '../host.ts';
import type { Log } from '../log.ts';
import { scriptedHost } from '../scripted-host.ts';
import { NftGenerationHint } from './nft-generation.ts';

const generation = Buffer.from('NEWGEN: GENID=6 PID=5267 NAME=iptables-nft-re\n');
const overflow: RunResult = {
  ok: false,
  kind: 'failed',
  message: 'stdbuf ended with code 1: cannot receive from nfnetlink socket: No buffer space available',
};

/** A monitor that runs until the test ends it. */
class Bench {
  readonly clock = new ManualClock();
  readonly commands: Command[] = [];
  /** Seconds at which a change was told. */
  readonly told: number[] = [];
  readonly logged: string[] = [];
  readonly hint: NftGenerationHint;
  print: () => void = () => undefined;
  end: (result: RunResult) => Promise<void> = async () => undefined;

  constructor() {
    const host: Host = { ...scriptedHost({}), run: (command, onOutput) => this.#run(command, onOutput) };
    const say = (_fields: object, message: string) => this.logged.push(message);
    const log: Log = { debug: say, info: say, warn: say, error: say };
    this.hint = new NftGenerationHint({ host, clock: this.clock, log });
    this.hint.start(() => this.told.push(this.clock.monotonicMs() / 1000));
  }

  #run(command: Command, onOutput: (piece: Uint8Array) => void): Promise<RunResult> {
    this.commands.push(command);
    this.print = () => onOutput(generation);
    return new Promise((resolve) => {
      command.signal?.addEventListener('abort', () => resolve({ ok: false, kind: 'stopped', message: 'stopped' }));
      this.end = async (result) => {
        resolve(result);
        await quiet();
      };
    });
  }
}

const { parts } = nodeView();

function nodeWith(changed: Partial<NodeParts>): { readonly parts: NodeParts } {
  return { parts: { ...parts, ...changed } };
}

function rulesIn(backend: 'legacy' | 'nft') {
  if (parts.iptables.state !== 'ok') throw new Error('the view has no rules');
  const iptables = reported({ ...parts.iptables.value, structures: [structure({ backend })] });
  return nodeWith({ iptables, proxyTraces: traces(false) });
}

function traces(nftables: boolean): NodeParts['proxyTraces'] {
  return reported({ iptables: true, nftables, ipvs: false });
}

let bench: Bench;

function started(): Bench {
  bench = new Bench();
  return bench;
}

afterEach(() => bench.hint.stop());

describe('changes of nf_tables', () => {
  it('are told as they come, whoever makes them', () => {
    const { hint, commands, told } = started();
    hint.heed(rulesIn('nft'));
    expect(commands).toEqual([
      {
        program: 'stdbuf',
        args: ['-oL', 'xtables-monitor', '--event', '-6'],
        deadlineMs: Infinity,
        maxBytes: Infinity,
        signal: expect.any(AbortSignal),
      },
    ]);
    expect(hint.isListening).toBe(true);
    bench.print();
    bench.print();
    expect(told).toEqual([0, 0]);
  });

  it('are not listened for before a reading has found any table there, which would load the kernel module', () => {
    const { hint, commands } = started();
    hint.heed(rulesIn('legacy'));
    expect([commands, hint.isListening]).toEqual([[], false]);
  });

  it("are listened for where only kube-proxy's nftables mode has rules", () => {
    const { hint } = started();
    hint.heed(nodeWith({ iptables: { state: 'absent' }, proxyTraces: traces(true) }));
    expect(hint.isListening).toBe(true);
  });

  it('are listened for once, and on while a reading fails', () => {
    const { hint, commands } = started();
    hint.heed(rulesIn('nft'));
    hint.heed(rulesIn('nft'));
    hint.heed(nodeWith({ iptables: { state: 'failed', reason: 'too many chains' } }));
    expect([commands.length, hint.isListening]).toEqual([1, true]);
  });

  it('are no longer listened for when the tables are gone', async () => {
    const { hint, commands } = started();
    hint.heed(rulesIn('nft'));
    hint.heed(rulesIn('legacy'));
    await quiet();
    expect([commands[0]?.signal?.aborted, hint.isListening]).toEqual([true, false]);
    hint.heed(rulesIn('nft'));
    expect([commands.length, hint.isListening]).toEqual([2, true]);
  });

  it('are no longer listened for when the agent stops, whatever is read then', async () => {
    const { hint, commands } = started();
    hint.heed(rulesIn('nft'));
    await hint.stop();
    hint.heed(rulesIn('nft'));
    expect([commands.length, hint.isListening]).toEqual([1, false]);
  });
});

describe('a monitor that ends', () => {
  it('because so much changed at once is itself a sign of change, and is started anew at once', async () => {
    const { hint, clock, commands, told, logged } = started();
    hint.heed(rulesIn('nft'));
    await clock.advance(60);
    await bench.end(overflow);
    expect([told, commands.length, logged]).toEqual([[60], 2, []]);
  });

  it('because much changes again and again waits a little longer each time, and tells when it hears again', async () => {
    const { hint, clock, commands, told } = started();
    hint.heed(rulesIn('nft'));
    const startedAt: number[] = [];
    for (let life = 0; life < 5; life++) {
      await bench.end(overflow);
      const before = commands.length;
      while (commands.length === before) await clock.advance(0.5);
      startedAt.push(clock.monotonicMs() / 1000);
    }
    expect(startedAt).toEqual([1, 3, 7, 12, 17]);
    expect(told).toEqual([0, 1, 1, 3, 3, 7, 7, 12, 12, 17]);
  });

  it('for any other reason says so, and is started again after up to a minute', async () => {
    const { hint, clock, commands, logged } = started();
    hint.heed(rulesIn('nft'));
    for (let life = 0; life < 8; life++) {
      await bench.end({ ok: false, kind: 'failed', message: 'stdbuf was ended by SIGKILL' });
      await clock.advance(60);
    }
    expect(commands).toHaveLength(9);
    expect(logged).toEqual(Array.from({ length: 8 }, () => 'xtables-monitor ended, and is started again'));
  });

  it('because it is not installed is never tried again', async () => {
    const { hint, clock, commands, told, logged } = started();
    hint.heed(rulesIn('nft'));
    const message =
      "stdbuf ended with code 127: stdbuf: failed to run command 'xtables-monitor': No such file or directory";
    await bench.end({ ok: false, kind: 'failed', message });
    await clock.advance(600);
    hint.heed(rulesIn('nft'));
    expect([commands.length, told, hint.isListening]).toEqual([1, [], false]);
    expect(logged).toEqual(['changes of nf_tables are not told between readings']);
  });
});
