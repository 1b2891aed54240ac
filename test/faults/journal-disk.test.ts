/** A volume that is full or may not be written, with a real one of 8 MiB: mounting it takes root. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JournalError, type JournalFault } from '../../aggregator/journal/journal-error.ts';
import { openJournal } from '../../aggregator/journal/open-journal.ts';
import { roundEntry, roundFindings, tally } from './journal-rounds.ts';

let volume: string;
beforeEach(() => {
  volume = mkdtempSync(join(tmpdir(), 'plumbline-volume-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', volume]);
});
afterEach(() => {
  execFileSync('umount', ['--lazy', volume]);
  rmSync(volume, { recursive: true });
});

const opened = () => openJournal({ folder: join(volume, 'journal'), now: () => new Date(), tell: () => {} });

describe('a volume of 8 MiB', () => {
  it('when full refuses commits, loses nothing that was acknowledged, and resumes when there is space', () => {
    writeFileSync(join(volume, 'ballast'), Buffer.alloc(4 * 1024 * 1024));
    const { journal } = opened();
    let round = 1;
    const refused = faultOf(() => {
      for (; ; round += 1) journal.commit(roundEntry(round));
    });
    expect(refused).toBe('disk-full');
    expect(round).toBeGreaterThan(20);
    expect(faultOf(() => journal.commit(roundEntry(round)))).toBe('disk-full');
    expect(journal.find(tally)?.lastReading).toBe(`e1/${round - 1}`);
    expect(journal.find(`f${round}-a`)).toBeNull();
    rmSync(join(volume, 'ballast'));
    journal.commit(roundEntry(round));
    journal.close();
    const again = opened();
    expect(again.notice).toBeNull();
    const names = again.journal.open().map(({ fingerprint }) => fingerprint);
    const wanted = [tally, `f${round}-a`, ...Array.from({ length: round }, (_, index) => `f${index + 1}-b`)];
    expect(names).toEqual(wanted.sort());
    expect(again.journal.find('f1-a')).toEqual(roundFindings(1, true)[0]);
    again.journal.close();
  });

  it('when full has no place for a backup, which is told and leaves nothing behind', async () => {
    const { journal } = opened();
    for (let round = 1; round <= 400; round += 1) journal.commit(roundEntry(round));
    writeUntilFull(join(volume, 'ballast'));
    const failed = await journal.backup(new Date()).catch((cause: unknown) => cause);
    expect(failed).toBeInstanceOf(JournalError);
    expect(String(failed)).toMatch(/^JournalError: writing the backup .*journal-\d+T\d+Z\.db: /);
    rmSync(join(volume, 'ballast'));
    await journal.backup(new Date());
    journal.close();
  });

  it('when full cannot begin a journal', () => {
    writeUntilFull(join(volume, 'ballast'));
    expect(faultOf(opened)).toBe('disk-full');
  });

  it('when mounted read-only is refused with what to do', () => {
    mkdirSync(join(volume, 'journal'));
    execFileSync('mount', ['-o', 'remount,ro', volume]);
    const expected = /^opening the journal in .*: EROFS: .* \(make the folder exist and writable for this user\)$/;
    expect(opened).toThrow(expected);
    expect(faultOf(opened)).toBe('read-only');
  });
});

function writeUntilFull(path: string): void {
  try {
    while (true) writeFileSync(path, Buffer.alloc(64 * 1024), { flag: 'a' });
  } catch {
    // That is what was wanted.
  }
}

function faultOf(act: () => unknown): JournalFault | null {
  try {
    act();
    return null;
  } catch (cause) {
    if (cause instanceof JournalError) return cause.fault;
    throw cause;
  }
}
