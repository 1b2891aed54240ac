/** `plumbline demo`: shows a node break and be found out, within seconds and without a cluster. */
import type { Command } from 'commander';
import { type Context, refuse } from '../context.ts';
import { tellOnKernel } from '../demo/kernel-story.ts';
import { tellFromRecordings } from '../demo/recorded-story.ts';
import { openStage } from '../demo/stage.ts';
import type { Outcome } from '../refusal.ts';

const help = `
As root it makes two network namespaces that stand for nodes, loads rules that real
kube-proxies wrote into the real kernel, audits them, breaks one, finds it, mends it,
and removes the namespaces again (also on Ctrl-C). Nothing outside them is touched.
Without root, or where the kernel does not allow it, it audits recordings instead.

Example:
  plumbline demo`;

/** Adds the command to the program. */
export function addDemo(program: Command, context: Context): void {
  program
    .command('demo')
    .description('see a broken node found and mended, without a cluster')
    .addHelpText('after', help)
    .action(() => showDemo(context));
}

async function showDemo(context: Context): Promise<void> {
  const told = await tellWhatIsPossible(context);
  if (!told.ok) return refuse(context, told.refusal);
  context.exitWith(0);
}

async function tellWhatIsPossible(context: Context): Promise<Outcome<null>> {
  if (!context.isRoot) return tellFromRecordings(context, 'Only root may give the kernel rules to break.');
  const stage = await openStage(context);
  if (stage.ok) return tellOnKernel(context.terminal, stage.value);
  // Root in a container often may not do this; the demo need not end there.
  const { attempted, cameBack } = stage.refusal;
  return tellFromRecordings(context, `This machine cannot ${attempted}: ${cameBack}.`);
}
