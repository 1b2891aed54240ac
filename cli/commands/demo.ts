/** `plumbline demo`: the whole system on one machine, without a cluster, with a node that goes stale. */
import type { Command } from 'commander';
import { type Context, refuse } from '../context.ts';

const help = `
As root it makes three network namespaces that stand for nodes, with rules that real
kube-proxies wrote, and runs an agent in each. Without root, or where the kernel does
not allow it, the agents read recordings. Nothing outside of what it makes is touched,
and Ctrl-C removes all of it.

Examples:
  plumbline demo          the story, then everything keeps running
  plumbline demo --once   the story alone, for scripts

Exit codes: 0 it was shown, 2 it could not be, or did not go as promised.`;

/** Adds the command to the program. */
export function addDemo(program: Command, context: Context): void {
  program
    .command('demo')
    .description('see a node go stale, be found out and mended, without a cluster')
    .option('--once', 'end after the story')
    .option('--no-kernel', 'let agents read recordings, also as root')
    .addHelpText('after', help)
    .action((options: { readonly once?: true; readonly kernel: boolean }) => runDemo(options, context));
}

async function runDemo(options: { readonly once?: true; readonly kernel: boolean }, context: Context): Promise<void> {
  // Other commands need nothing of it.
  const { showDemo } = await import('../demo/demo.ts');
  const shown = await showDemo({ isOnce: options.once === true, mayUseKernel: options.kernel }, context);
  if (shown === 'interrupted') return;
  if (!shown.ok) return refuse(context, shown.refusal);
  context.exitWith(0);
}
