/** The program's commands, one file each under commands/. */
import { Command } from 'commander';
import { addAgent } from './commands/agent.ts';
import { addAggregator } from './commands/aggregator.ts';
import { addAudit } from './commands/audit.ts';
import { addChecks } from './commands/checks.ts';
import { addCompletion } from './commands/completion.ts';
import { addDemo } from './commands/demo.ts';
import { addFindings } from './commands/findings.ts';
import { addMatrix } from './commands/matrix.ts';
import { addNodes } from './commands/nodes.ts';
import { addParse } from './commands/parse.ts';
import { addPolicy } from './commands/policy.ts';
import { addServices } from './commands/services.ts';
import { addSnapshot } from './commands/snapshot.ts';
import { addTrace } from './commands/trace.ts';
import type { Context } from './context.ts';

const exitCodes = `
Exit codes: 0 done and nothing found, 1 findings at or above --fail-on,
2 could not do the work.

Examples:
  plumbline demo                    see a node go stale and be found out
  plumbline audit ./recording       hold recorded nodes against their API objects
  plumbline checks stale-endpoint   what a check means and how to mend it`;

/** What users type to get here: kubectl finds us as a plugin. */
export type ProgramName = 'plumbline' | 'kubectl plumbline';

export interface ProgramText {
  /** `plumbline` unless said. */
  readonly name?: ProgramName;
  readonly version: string;
  /** Gets what commander says on stdout (help) and on stderr (usage errors). */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** All commands. Parsing throws commander's CommanderError instead of ending the process. */
export function buildProgram(context: Context, { name = 'plumbline', version, out, err }: ProgramText): Command {
  const program = new Command(name)
    .description(
      'shows, for every node of a Kubernetes cluster, whether the kernel really does\nwith Service packets what the cluster asked for',
    )
    .version(version, '-V, --version')
    .configureOutput({
      // Help texts have examples.
      writeOut: (text) => out(text.replaceAll(/^( {2})plumbline /gm, `$1${name} `)),
      writeErr: err,
      outputError: (text, write) => write(text.replace(/^error: /, 'plumbline: ')),
    })
    .configureHelp({ helpWidth: Math.min(context.terminal.columns, 100) })
    .showHelpAfterError('Add --help to the command to see its options and examples.')
    .exitOverride()
    .addHelpText('after', exitCodes);
  addAudit(program, context);
  addFindings(program, context);
  addNodes(program, context);
  addServices(program, context);
  addSnapshot(program, context);
  addTrace(program, context);
  addMatrix(program, context);
  addPolicy(program, context);
  addParse(program, context);
  addChecks(program, context);
  addCompletion(program, context);
  addDemo(program, context);
  addAgent(program);
  addAggregator(program);
  return program;
}
