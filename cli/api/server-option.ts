/** Which aggregator is asked, and how it is reached: the options of every command that asks one. */
import { type Command, Option } from 'commander';
import { done, type Outcome, refused } from '../refusal.ts';

/** Where `kubectl port-forward` leads, as the docs write it. */
export const usualServer = 'http://127.0.0.1:8080';
export const usualNamespace = 'plumbline';

export interface ServerOptions {
  readonly server?: string;
  readonly tokenFile?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly plumblineNamespace?: string;
}

/** `--server`, or `--kubeconfig`, `--context` and `--plumbline-namespace`; and `--token-file`. */
export function addServerOptions(command: Command): Command {
  const cluster = ['kubeconfig', 'context', 'plumblineNamespace'];
  return command
    .addOption(
      new Option('--server <url>', 'the aggregator, if not through the cluster of a kubeconfig').conflicts(cluster),
    )
    .addOption(new Option('--token-file <file>', 'a token to show it, for each request read anew'))
    .addOption(new Option('--kubeconfig <file>', 'the kubeconfig whose cluster runs the aggregator'))
    .addOption(new Option('--context <name>', "the kubeconfig's context, if not its current one"))
    .addOption(
      new Option(
        '--plumbline-namespace <namespace>',
        `where the aggregator runs (default: PLUMBLINE_NAMESPACE, or ${usualNamespace})`,
      ),
    );
}

/** The URL that `--server` or PLUMBLINE_SERVER means; it ends in a slash. */
export function serverUrl(given: string): Outcome<URL> {
  const url = URL.parse(given.includes('://') ? given : `http://${given}`);
  if (url !== null && (url.username !== '' || url.password !== '')) {
    return refused('ask the aggregator', 'the URL holds a password', 'Give the URL without user and password.');
  }
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    const advice = `Give one such as ${usualServer} with --server or PLUMBLINE_SERVER.`;
    return refused(`ask ${given}`, 'it is no URL of HTTP', advice);
  }
  return done(new URL(url.pathname.replace(/\/*$/, '/'), url.origin));
}
