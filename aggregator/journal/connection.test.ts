import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Connection, connect } from './connection.ts';
import { JournalError } from './journal-error.ts';

let folder: string;
let connection: Connection;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumbline-journal-'));
  connection = connect(join(folder, 'journal.db'));
  connection.exec('CREATE TABLE kept (text TEXT)');
});
afterEach(() => {
  connection.close();
  rmSync(folder, { recursive: true });
});

describe('a connection', () => {
  it('forces every commit to the disk, through a log that no other process reads', () => {
    const settings = ['journal_mode', 'synchronous', 'locking_mode', 'foreign_keys'];
    expect(settings.map((name) => connection.value(`PRAGMA ${name}`))).toEqual(['wal', 2, 'exclusive', 1]);
  });

  it('keeps nothing of a transaction for which there is no space, and resumes when there is', () => {
    const pages = Number(connection.value('PRAGMA page_count'));
    connection.exec(`PRAGMA max_page_count = ${pages + 2}`);
    const write = () =>
      connection.transaction('writing rows', () => {
        for (let row = 0; row < 100; row += 1) connection.exec('INSERT INTO kept VALUES (hex(zeroblob(1000)))');
      });
    expect(write).toThrow(
      new JournalError(
        'disk-full',
        'writing rows: database or disk is full (free space or enlarge the volume; writing resumes by itself)',
      ),
    );
    expect(connection.value('SELECT count(*) FROM kept')).toBe(0);
    connection.exec('PRAGMA max_page_count = 1000');
    write();
    expect(connection.value('SELECT count(*) FROM kept')).toBe(100);
  });

  it('keeps nothing of a transaction whose work fails', () => {
    const failing = () =>
      connection.transaction('writing rows', () => {
        connection.exec("INSERT INTO kept VALUES ('one')");
        throw new Error('a defect');
      });
    expect(failing).toThrow(/^writing rows: a defect /);
    expect(connection.value('SELECT count(*) FROM kept')).toBe(0);
  });
});
