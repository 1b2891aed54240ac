/**
 * `plumbline agent`: reads the node it runs on and reports. bin/plumbline starts agent/main.ts by itself, with flags that
 * Node takes at its start only; this is the way where there is no shell to do so.
 */
import type { Command } from 'commander';

/** Adds the command to the program. Its arguments are the agent's own affair, `--help` among them. */
export function addAgent(program: Command): void {
  program
    .command('agent')
    .description('read this node again and again, and report to an aggregator')
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async () => {
      await import('../../agent/main.ts');
    });
}
