/** `--server`: which aggregator is asked. */
import { Option } from 'commander';
import type { Context } from '../context.ts';
import { done, type Outcome, refused } from '../refusal.ts';

const usual = 'http://127.0.0.1:8080';

/** The option for every command that asks an aggregator. */
export function serverOption(): Option {
  return new Option('--server <url>', `the aggregator (default: PLUMBLINE_SERVER, or ${usual})`);
}

/** The aggregator to ask: what the option says, else the environment, else a forwarded port. */
export function serverOf(option: string | undefined, context: Context): Outcome<URL> {
  const given = option ?? context.server ?? usual;
  const url = URL.parse(given.includes('://') ? given : `http://${given}`);
  const attempted = `ask ${given}`;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    return refused(attempted, 'it is no URL of HTTP', `Give one such as ${usual} with --server or PLUMBLINE_SERVER.`);
  }
  if (url.username !== '' || url.password !== '') {
    return refused('ask the aggregator', 'the URL holds a password', 'Give the URL without user and password.');
  }
  return done(new URL(url.pathname.replace(/\/*$/, '/'), url.origin));
}
