import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addServerOptions } from './api/server-option.ts';
import { commandsWithin } from '../test/command-run.ts';

const page = readFileSync(join(import.meta.dirname, '../docs/command-line.md'), 'utf8');
const [general = '', ...sections] = page.split(/^### /m);

/** Flags of the rows of a table: `-o, --output`. */
function rowsOf(text: string): readonly string[] {
  return [...text.matchAll(/^\| `(?<flags>(?:-\w, )?--[\w-]+)/gm)].map(({ groups }) => groups?.flags ?? '').sort();
}

function flagsOf(command: Command): readonly string[] {
  return command.options.map(({ flags }) => flags.replace(/ [<[].*$/, '')).sort();
}

/** Commands without inner ones, by what is typed. */
const leaves = commandsWithin().flatMap(function leavesOf(command: Command): readonly [string, Command][] {
  if (command.commands.length > 0) {
    return command.commands.flatMap(leavesOf).map(([name, leaf]) => [`${command.name()} ${name}`, leaf]);
  }
  return [[command.name(), command]];
});

const forServer = flagsOf(addServerOptions(new Command()));

describe('docs/command-line.md', () => {
  it('has a section for each command, and no other', () => {
    const titles = sections.map((section) => /^plumbline ([a-z -]*[a-z])/.exec(section)?.[1]);
    expect(titles.sort()).toEqual(leaves.map(([name]) => name).sort());
  });

  it('explains how an aggregator is found, once', () => {
    expect(rowsOf(general)).toEqual(forServer);
  });

  it.each(leaves)('explains every option of %s', (name, command) => {
    const section = sections.find((text) => new RegExp(`^plumbline ${name}( \\[?[A-Z]|\\n)`).test(text)) ?? '';
    const asksServer = command.options.some(({ long }) => long === '--plumbline-namespace');
    const own = flagsOf(command).filter((flags) => !asksServer || !forServer.includes(flags));
    expect(rowsOf(section)).toEqual(own);
  });
});
