/** `plumbline aggregator`: watches the API, hears the agents, judges, and serves what it found. */
import type { Command } from 'commander';

/** Adds the command to the program. Its arguments are the aggregator's own affair, `--help` among them. */
export function addAggregator(program: Command): void {
  program
    .command('aggregator')
    .description('hold what agents report against the API, all the time, and serve the findings')
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async () => {
      await import('../../aggregator/main.ts');
    });
}
