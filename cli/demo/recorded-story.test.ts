import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Context } from '../context.ts';
import { tellFromRecordings } from './recorded-story.ts';

/** A context that keeps what was printed. */
function listener(): { readonly context: Context; readonly heard: () => string } {
  let heard = '';
  const context: Context = {
    terminal: {
      colours: false,
      columns: 80,
      print: async (text) => {
        heard += String(text);
      },
      warn: async () => undefined,
      isClosed: () => false,
    },
    stdin: Readable.from([]),
    isRoot: false,
    hostname: 'test',
    onInterrupt: () => () => undefined,
    exitWith: () => undefined,
  };
  return { context, heard: () => heard };
}

describe('the demo without root', () => {
  it('says why it shows recordings, then a healthy cluster and a stale node with its one cause', async () => {
    const { context, heard } = listener();
    const told = await tellFromRecordings(context, 'Only root may.');
    expect(told.ok).toBe(true);
    expect(heard()).toContain('\nOnly root may. So recordings of a real cluster are audited');
    const lines = heard()
      .split('\n')
      .map((line) => line.trim());
    expect(lines.filter((line) => /^\d\. |nodes d|proxy-down/.test(line))).toEqual([
      '1. A healthy cluster',
      '2 of 3 nodes do what the cluster asked for. 1 is unknown: node-c.',
      '2. A kube-proxy stops, and the cluster changes',
      '1 of 3 nodes differs from what the cluster asked for: node-b. 1 is unknown:',
      'critical   proxy-down   node-b   node-b',
    ]);
  });
});
