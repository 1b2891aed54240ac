/**
 * Answers a shell that completes a command line, in the form of cobra's `__complete`, which kubectl asks its plugins for:
 * a candidate a line, after a tab what it is, and at the end a line with what the shell may do itself.
 * https://github.com/kubernetes/kubernetes/pull/105867
 */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { visibleText } from '../visible.ts';
import { type Candidate, candidatesAt } from './candidates.ts';
import { cursorIn } from './cursor.ts';
import { liveNames } from './live-names.ts';

/** cobra's ShellCompDirectiveDefault and ShellCompDirectiveNoFileComp. */
const mayOfferFiles = ':0';
const noFiles = ':4';

/** Nobody waits longer for a key. */
const deadlineMs = 1000;

/** @param words what follows the program's name; the last, which may be empty, is at the cursor. */
export async function complete(program: Command, words: readonly string[], context: Context): Promise<void> {
  const { candidates, files } = await candidatesAt(cursorIn(program, words), liveNames(context, deadlineMs));
  await context.terminal.print([...candidates.map(lineOf), files ? mayOfferFiles : noFiles, ''].join('\n'));
}

function lineOf({ word, description }: Candidate): string {
  const said = visibleText(description.replace(/\s+/g, ' ')).trim();
  return said === '' ? word : `${word}\t${said}`;
}
