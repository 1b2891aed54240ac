import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { entry, tracked } from '../../test/journal-entries.ts';
import { type JournalFolder, journalFolder } from '../../test/journal-folder.ts';
import { JournalError } from './journal-error.ts';
import { openJournal } from './open-journal.ts';

let folder: JournalFolder;
beforeEach(() => {
  folder = journalFolder();
});
afterEach(() => folder.remove());

const damaged = 'journal.db.corrupt-20260302T000000000Z';
const firstBackup = 'backups/journal-20260301T100000000Z.db';
const secondBackup = 'backups/journal-20260301T110000000Z.db';

/** A journal with f1 in both backups, f2 in the second, f3 in none. */
async function withTwoBackups(): Promise<void> {
  const { journal } = folder.open();
  journal.commit(entry({ findings: [tracked('f1')] }));
  await journal.backup(new Date('2026-03-01T10:00:00.000Z'));
  journal.commit(entry({ findings: [tracked('f2')] }));
  await journal.backup(new Date('2026-03-01T11:00:00.000Z'));
  journal.commit(entry({ findings: [tracked('f3')] }));
  journal.close();
}

/** Opens, and says what is open there and what was noticed. */
function reopened(): { open: readonly string[]; notice: string | null } {
  const { journal, notice } = folder.open();
  const open = journal.open().map(({ fingerprint }) => fingerprint);
  journal.close();
  return { open, notice: notice?.replaceAll(folder.path, 'FOLDER') ?? null };
}

function spoil(name: string): void {
  const path = join(folder.path, name);
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 4096, 4096 + 2048);
  writeFileSync(path, bytes);
}

describe('a journal on disk', () => {
  it('has what was committed when it is opened anew, and nothing to say', () => {
    const { journal, notice } = folder.open();
    expect(notice).toBeNull();
    journal.commit(entry({ findings: [tracked('f1')] }));
    journal.close();
    expect(reopened()).toEqual({ open: ['f1'], notice: null });
  });

  it('may be closed twice', () => {
    const { journal } = folder.open();
    journal.close();
    journal.close();
    expect(reopened()).toEqual({ open: [], notice: null });
  });
});

describe('a damaged journal', () => {
  it('is moved aside and the newest backup takes its place', async () => {
    await withTwoBackups();
    spoil('journal.db');
    const { open, notice } = reopened();
    expect(open).toEqual(['f1', 'f2']);
    expect(notice).toContain(`and was moved to FOLDER/${damaged}. `);
    expect(notice).toContain(`was restored from FOLDER/${secondBackup}: what happened after that backup is lost.`);
    expect(existsSync(join(folder.path, damaged))).toBe(true);
    expect(reopened()).toEqual({ open: ['f1', 'f2'], notice: null });
  });

  it('takes an older backup where the newest is damaged too', async () => {
    await withTwoBackups();
    spoil('journal.db');
    spoil(secondBackup);
    const { open, notice } = reopened();
    expect(open).toEqual(['f1']);
    expect(notice).toContain(`was restored from FOLDER/${firstBackup}`);
  });

  it('begins empty where no backup is good, and says so', async () => {
    await withTwoBackups();
    for (const name of ['journal.db', firstBackup, secondBackup]) spoil(name);
    const { open, notice } = reopened();
    expect(open).toEqual([]);
    expect(notice).toContain('none of its 2 backups in FOLDER/backups is good: it begins empty.');
  });

  it('begins empty where there never was a backup, and says so', () => {
    const { journal } = folder.open();
    journal.commit(entry({ findings: [tracked('f1')] }));
    journal.close();
    writeFileSync(folder.database, 'this is no database, and long enough to be looked at'.repeat(100));
    expect(reopened()).toEqual({
      open: [],
      notice:
        `FOLDER/journal.db is damaged (file is not a database) and was moved to FOLDER/${damaged}. ` +
        'There is no good backup: it begins empty.',
    });
  });

  it.each([
    { what: 'lost', how: () => rmSync(folder.database) },
    { what: 'cut to nothing', how: () => truncateSync(folder.database) },
  ])('$what comes back from a backup', async ({ how }) => {
    await withTwoBackups();
    how();
    expect(reopened()).toEqual({
      open: ['f1', 'f2'],
      notice: `The journal was restored from FOLDER/${secondBackup}: what happened after that backup is lost.`,
    });
  });

  it('is never mixed with the log of another file', async () => {
    await withTwoBackups();
    // As after a crash: the log of the lost file is still there.
    renameSync(folder.database, `${folder.database}-wal`);
    expect(reopened().open).toEqual(['f1', 'f2']);
    expect(readdirSync(folder.path).filter((name) => name.includes('corrupt'))).toEqual([`${damaged}-wal`]);
  });

  it('without its tables is not taken for a new one', async () => {
    await withTwoBackups();
    const database = new DatabaseSync(folder.database);
    database.exec('PRAGMA user_version = 0');
    database.close();
    expect(reopened().notice).toContain('is damaged (it has tables and no schema version)');
  });

  it('whatever happens to its bytes, it opens with a notice, or refuses, or is as it was', async () => {
    await withTwoBackups();
    const sound = readFileSync(folder.database);
    const wrong: string[] = [];
    for (let round = 0; round < 120; round += 1) {
      const place = (round * 7919 * 31) % sound.length;
      const bytes = Buffer.from(sound);
      if (round % 3 === 0) bytes[place] = (bytes[place] ?? 0) ^ (1 << (round % 8));
      else if (round % 3 === 1) bytes.fill(0, place - (place % 4096), place - (place % 4096) + 4096);
      writeFileSync(folder.database, round % 3 === 2 ? sound.subarray(0, place) : bytes);
      const said = folder.told.length;
      try {
        const { open, notice } = reopened();
        const isAsItWas = open.join() === 'f1,f2,f3';
        if (notice === null && !isAsItWas && folder.told.length === said) wrong.push(`round ${round}: ${open}`);
      } catch (cause) {
        if (!(cause instanceof JournalError)) wrong.push(`round ${round}: ${cause}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('opening is refused', () => {
  it('while another process has the journal', () => {
    const { journal } = folder.open();
    const other = `
      const { openJournal } = await import(${JSON.stringify(new URL('open-journal.ts', import.meta.url).href)});
      try { openJournal({ folder: process.argv[1], now: () => new Date(), tell: () => {} }); console.log('opened'); }
      catch (error) { console.log(error.fault, error.message); }`;
    const run = () =>
      spawnSync(process.execPath, ['--input-type=module', '-e', other, folder.path], { encoding: 'utf8' });
    expect(run().stdout).toBe(
      `locked opening the journal: another process holds ${folder.path}/journal.lock (end the other process: one journal has one writer)\n`,
    );
    journal.commit(entry({ findings: [tracked('f1')] }));
    journal.close();
    expect(run().stdout).toBe('opened\n');
  });

  it('in the same process too', () => {
    const { journal } = folder.open();
    expect(() => folder.open()).toThrow(/another process holds/);
    journal.close();
  });

  it('where the folder is a file', () => {
    const path = join(folder.path, 'file');
    writeFileSync(path, '');
    const refused = thrownBy(() => openJournal({ folder: path, now: () => new Date(), tell: () => {} }));
    expect(refused?.fault).toBe('read-only');
    expect(refused?.message).toContain(`opening the journal in ${path}: EEXIST`);
    expect(refused?.message).toContain('make the folder exist and writable for this user');
  });

  it('where a newer version wrote it, and the file is left alone', () => {
    folder.open().journal.close();
    const database = new DatabaseSync(folder.database);
    database.exec('PRAGMA user_version = 99');
    database.close();
    const before = readFileSync(folder.database);
    const refused = thrownBy(() => folder.open());
    expect(refused?.fault).toBe('newer-schema');
    expect(refused?.message.replaceAll(folder.path, 'FOLDER')).toBe(
      'opening the journal FOLDER/journal.db: it has schema version 99, this program knows 1 (start the version that wrote it, or a newer one)',
    );
    expect(readFileSync(folder.database).equals(before)).toBe(true);
  });
});

function thrownBy(act: () => unknown): JournalError | null {
  try {
    act();
    return null;
  } catch (cause) {
    if (cause instanceof JournalError) return cause;
    throw cause;
  }
}
