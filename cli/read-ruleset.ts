/** Reads an iptables-save dump for a command, from a file or from stdin, as a stream. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { RulesetReader, type Ruleset } from 'node-iptables-parse';
import { done, type Outcome, refused, systemReason } from './refusal.ts';

/**
 * @param place a file, or `-` for stdin.
 * @param attempted for the refusal: `trace through rules.txt`.
 */
export async function readRuleset(place: string, stdin: Readable, attempted: string): Promise<Outcome<Ruleset>> {
  const reader = new RulesetReader({ expectTables: [], trailer: 'optional' });
  try {
    for await (const piece of place === '-' ? stdin : createReadStream(place)) {
      reader.push(piece instanceof Uint8Array ? piece : Buffer.from(String(piece)));
    }
  } catch (cause) {
    return refused(attempted, `${place}: ${systemReason(cause)}`, 'Give a file with the output of iptables-save.');
  }
  const result = reader.finish();
  if (result.ok) return done(result.ruleset);
  const { line, message } = result.failure;
  const name = place === '-' ? 'stdin' : place;
  return refused(attempted, `${name}, line ${line}: ${message}`, 'Give the whole output of iptables-save, unchanged.');
}
