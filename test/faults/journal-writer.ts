/**
 * A process that commits to the journal of a folder without end, to be killed: `node journal-writer.ts FOLDER FIRST`.
 * Prints the number of each round that is committed; writes backups all the while.
 */
import { writeSync } from 'node:fs';
import { openJournal } from '../../aggregator/journal/open-journal.ts';
import { roundEntry } from './journal-rounds.ts';

const [folder, first] = process.argv.slice(2);
if (folder === undefined || first === undefined) throw new Error('usage: journal-writer.ts FOLDER FIRST');
const { journal, notice } = openJournal({
  folder,
  now: () => new Date(),
  tell: (message) => process.stderr.write(message),
});
if (notice !== null) process.stderr.write(notice);
for (let round = Number(first); ; round += 1) {
  journal.commit(roundEntry(round));
  writeSync(1, `${round}\n`);
  if (round % 5 === 0) await journal.backup(new Date());
}
