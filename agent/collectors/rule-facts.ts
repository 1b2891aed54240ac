/** What the rules themselves say of kube-proxy's configuration: it holds even where kube-proxy does not answer. */
import type { Ruleset } from 'node-iptables-parse';
import type { Family } from '../../proto/address.ts';
import type { LocalDetector } from '../../proto/profile.ts';
import type { BackendRules } from '../dataplane/iptables.ts';
import { type NodePortRules, nodePortRules } from '../dataplane/node-port-rules.ts';
import { detectLocal, masqueradesAll, usedMarkBit } from '../dataplane/rules-profile.ts';

/** Null = the rules do not say. */
export interface RuleFacts {
  readonly localDetector: { readonly [family in Family]: LocalDetector | null };
  readonly nodePorts: { readonly [family in Family]: NodePortRules | null };
  readonly markBit: number | null;
  readonly masqueradeAll: boolean | null;
  readonly hairpin: 'every-endpoint' | 'own-endpoints' | null;
  readonly refusesOwnFirst: boolean | null;
}

export const noRuleFacts: RuleFacts = {
  localDetector: { ipv4: null, ipv6: null },
  nodePorts: { ipv4: null, ipv6: null },
  markBit: null,
  masqueradeAll: null,
  hairpin: null,
  refusesOwnFirst: null,
};

/** Where both backends speak, the first word counts: they were written by the same configuration, or are in dispute. */
export function findRuleFacts(rulesets: readonly BackendRules[]): RuleFacts {
  return {
    localDetector: {
      ipv4: firstOf(rulesets, 'ipv4', (ruleset) => detectLocal(ruleset, 'ipv4')),
      ipv6: firstOf(rulesets, 'ipv6', (ruleset) => detectLocal(ruleset, 'ipv6')),
    },
    nodePorts: { ipv4: firstOf(rulesets, 'ipv4', nodePortRules), ipv6: firstOf(rulesets, 'ipv6', nodePortRules) },
    markBit: firstOf(rulesets, 'ipv4', usedMarkBit) ?? firstOf(rulesets, 'ipv6', usedMarkBit),
    masqueradeAll:
      firstOf(rulesets, 'ipv4', (ruleset) => masqueradesAll(ruleset, 'ipv4')) ??
      firstOf(rulesets, 'ipv6', (ruleset) => masqueradesAll(ruleset, 'ipv6')),
    hairpin: null,
    refusesOwnFirst: null,
  };
}

function firstOf<T>(rulesets: readonly BackendRules[], family: Family, ask: (ruleset: Ruleset) => T | null): T | null {
  for (const candidate of rulesets) {
    const answer = candidate.family === family ? ask(candidate.ruleset) : null;
    if (answer !== null) return answer;
  }
  return null;
}
