/** What the journal acknowledged survives the end of its process at any moment; nothing is there twice or by half. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { backupsIn } from '../../aggregator/journal/backups.ts';
import { connect } from '../../aggregator/journal/connection.ts';
import { openJournal } from '../../aggregator/journal/open-journal.ts';
import type { TrackedFinding } from '../../aggregator/model/lifecycle.ts';
import { roundFindings, tally } from './journal-rounds.ts';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-kill-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const kills = 25;
/** Every fifth is killed while it starts: opening, checking, making tables. */
const startsAt = 5;

describe('a journal whose process is killed', () => {
  it(`keeps what it acknowledged, once and whole, over ${kills} kills`, async () => {
    let committed = 0;
    const wrong: string[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      const acknowledged = await writeUntilKilled(committed + 1, kill % startsAt === 0);
      const found = readBack();
      if (found.committed < Math.max(acknowledged, committed)) {
        wrong.push(`kill ${kill}: ${acknowledged} was acknowledged, the last found is ${found.committed}`);
      }
      wrong.push(...found.wrong.map((each) => `kill ${kill}: ${each}`));
      committed = found.committed;
    }
    expect(wrong).toEqual([]);
    expect(committed).toBeGreaterThan(kills);
    const backups = backupsIn(join(folder, 'backups'));
    expect(backups).toHaveLength(3);
    expect(backups.map(integrityOf)).toEqual(['ok', 'ok', 'ok']);
  });
});

/** @returns the last round that was acknowledged, 0 when none was. */
async function writeUntilKilled(first: number, whileStarting: boolean): Promise<number> {
  const writer = join(import.meta.dirname, 'journal-writer.ts');
  const child = spawn(process.execPath, [writer, folder, String(first)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  let complaints = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const closed = once(child, 'close');
  if (!whileStarting) await Promise.race([once(child.stdout, 'data'), closed]);
  await sleep(Math.random() * (whileStarting ? 400 : 150));
  child.kill('SIGKILL');
  await closed;
  expect(complaints).toBe('');
  // A number that is not followed by its line's end was not acknowledged.
  return Number(printed.split('\n').at(-2) ?? 0);
}

function readBack(): { committed: number; wrong: readonly string[] } {
  const wrong: string[] = [];
  const { journal, notice } = openJournal({ folder, now: () => new Date(), tell: (message) => wrong.push(message) });
  if (notice !== null) wrong.push(notice);
  const committed = Number(journal.find(tally)?.lastReading.replace('e1/', '') ?? 0);
  const open = new Map<string, TrackedFinding>();
  for (const finding of journal.open()) {
    if (open.has(finding.fingerprint)) wrong.push(`${finding.fingerprint} is open twice`);
    open.set(finding.fingerprint, finding);
  }
  const ended = new Map(journal.ended({ limit: 1_000_000 }).map((finding) => [finding.fingerprint, finding]));
  for (let round = 1; round <= committed; round += 1) {
    for (const wanted of roundFindings(round, round < committed)) {
      const { fingerprint, endedAt } = wanted;
      const found = (endedAt === null ? open : ended).get(fingerprint);
      if (JSON.stringify(found) !== JSON.stringify(wanted)) wrong.push(`${fingerprint} is ${JSON.stringify(found)}`);
      const steps = journal.history(fingerprint, 10).length;
      if (steps !== 1) wrong.push(`${fingerprint} has ${steps} steps`);
    }
  }
  if (open.size + ended.size !== committed * 2 + Math.sign(committed)) {
    wrong.push(`${open.size} open and ${ended.size} ended findings after ${committed} rounds`);
  }
  const tallied = journal.history(tally, 1_000_000).map(({ because }) => because);
  if (tallied.join() !== countdown(committed).join()) wrong.push(`the steps of ${tally} are ${tallied}`);
  journal.close();
  return { committed, wrong };
}

function integrityOf(backup: string): unknown {
  const connection = connect(backup);
  try {
    return connection.value('PRAGMA integrity_check');
  } finally {
    connection.close();
  }
}

function countdown(from: number): readonly number[] {
  return Array.from({ length: from }, (_, index) => from - index);
}
