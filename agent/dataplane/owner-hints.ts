/** Which service port a rule claims to serve, where the claim can be proved. */
import { chainHash, parseHashedChain } from '../../proto/chain-names.ts';
import type { ListedFrontend } from './listed-frontends.ts';

/**
 * The name in the comment of the rule that lists a frontend (`shop/web:http cluster IP`), accepted only if it hashes to
 * the chain that the rule jumps to: comments are free text, and a wrong owner would send someone to the wrong team.
 * @returns `ns/name:port`, or null.
 */
export function ownerHint({ frontend, table, rule }: ListedFrontend): string | null {
  const target = table.jumpTarget(rule);
  const chain = target === null ? null : parseHashedChain(target);
  const comment = chain?.kind === 'service' ? table.comment(rule) : null;
  if (chain === null || comment === null) return null;
  const blank = comment.indexOf(' ');
  const name = blank < 0 ? comment : comment.slice(0, blank);
  return chainHash(name, frontend.protocol) === chain.hash ? name : null;
}
