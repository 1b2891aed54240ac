/**
 * One node's lookups, run inside its namespace: `node lookup-peer.ts HASTE NAME`. Time goes HASTE times as fast for them;
 * NAME is the external one. Each line of JSON on stdin is what the node shows of itself, and is answered by one on stdout
 * with what came of three lookups of each question; it ends when stdin does.
 */
import { createInterface } from 'node:readline';
import { type Clock, systemClock } from '../../agent/clock.ts';
import { ask } from '../../agent/lookups/ask.ts';
import { LookingUp, type LookupsToldOf } from '../../agent/lookups/looking-up.ts';
import { plannedLookups } from '../../agent/lookups/planned-lookups.ts';
import type { Entry, FrontendKey } from '../../proto/forwarding.ts';
import type { DnsReport } from '../../proto/parts.ts';
import { until } from '../e2e/until.ts';
import { reading } from '../reading-builders.ts';
import { reported } from '../view-builders.ts';

export interface LookupOrder {
  readonly dns: DnsReport;
  readonly table: readonly (readonly [FrontendKey, Entry])[];
}

const [haste = 1, externalName = ''] = [Number(process.argv[2]), process.argv[3]];
const setting = { externalName, upstreams: [] };
/** Everything answers in less than a few milliseconds here when it does at all. */
const waitMs = 150;

const clock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now() * haste,
  sleep: (milliseconds, signal) => systemClock.sleep(milliseconds / haste, signal),
};

async function lookUp({ dns, table }: LookupOrder): Promise<LookupsToldOf> {
  const known = new Map(table);
  const wanted = plannedLookups({ dns, table: known, round: 0 }, setting).length;
  const lookingUp = new LookingUp({ setting, clock, ask: (lookup) => ask(lookup, systemClock, waitMs) });
  const parts = {
    dns: reported(dns),
    forwarding: reported({ mode: 'iptables', table: known, owners: new Map(), unlisted: null } as const),
  };
  const running = lookingUp.run({
    subscribe: (listener) => {
      listener(reading(1, { parts }));
      return () => undefined;
    },
  });
  const told = await until({
    what: 'three lookups of each question',
    seconds: 20,
    look: () => lookingUp.told(),
    met: ({ lookups }) => lookups.length === wanted && lookups.every(({ sent }) => sent === 3),
  });
  lookingUp.stop();
  await running;
  return told;
}

for await (const line of createInterface({ input: process.stdin })) {
  // The only writer is looking-up-peer.ts, which types what it sends.
  process.stdout.write(`${JSON.stringify(await lookUp(JSON.parse(line) as LookupOrder))}\n`);
}
process.exit(0);
