import { expect, it } from 'vitest';
import type { Command, RunResult } from './host.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { scriptedHost } from './scripted-host.ts';

it('runs programs one after the other, goes on when one throws, and hands on the signal', async () => {
  const stopping = new AbortController();
  const events: string[] = [];
  const run = async ({ program, signal }: Command): Promise<RunResult> => {
    events.push(`${program} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    events.push(`${program} ends`);
    if (program === 'ip') throw new Error('a defect');
    return { ok: true, stderr: signal === stopping.signal ? 'stoppable' : '', bytes: 0 };
  };
  const host = oneAtATime({ ...scriptedHost({}), run }, stopping.signal);
  const runs = ['nft', 'ip', 'cat'].map((program) =>
    host.run({ program, args: [], deadlineMs: 1, maxBytes: 1 }, () => undefined),
  );
  expect(await Promise.allSettled(runs)).toEqual([
    { status: 'fulfilled', value: { ok: true, stderr: 'stoppable', bytes: 0 } },
    { status: 'rejected', reason: new Error('a defect') },
    { status: 'fulfilled', value: { ok: true, stderr: 'stoppable', bytes: 0 } },
  ]);
  expect(events).toEqual(['nft begins', 'nft ends', 'ip begins', 'ip ends', 'cat begins', 'cat ends']);
});
