/** `plumbline completion SHELL`: what makes a shell complete commands, options and names. */
import { Argument, type Command } from 'commander';
import { completionScript, type Shell, shells } from '../completion/scripts.ts';
import type { Context } from '../context.ts';

const help = `
Names of nodes, Services and findings come from the aggregator, as the options that are
typed already say; where it does not answer within a second, none are offered.

Examples:
  source <(plumbline completion bash)        in ~/.bashrc
  source <(plumbline completion zsh)         in ~/.zshrc, after compinit
  plumbline completion fish | source         in ~/.config/fish/config.fish

kubectl completes "kubectl plumbline" itself, as soon as it finds a program of the name
kubectl_complete-plumbline on the PATH: a further link to bin/plumbline is one.`;

/** Adds the command to the program. */
export function addCompletion(program: Command, context: Context): void {
  program
    .command('completion')
    .description('print what makes a shell complete commands, options and names')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .addHelpText('after', help)
    .action((shell: Shell) => context.terminal.print(completionScript(shell)));
}
