export { DumpDigest } from './digest.ts';
export { printRules } from './print.ts';
export {
  type FailureCode,
  type ParseFailure,
  type ParseOptions,
  type ParseResult,
  parseRules,
  RulesetReader,
} from './reader.ts';
export type {
  AddressTypes,
  Match,
  PlainMatchKind,
  PlainTargetKind,
  PortRange,
  Rule,
  RuleCounters,
  Target,
  TransportKind,
} from './rule.ts';
export type { Ruleset, Shape, Slot, Table } from './ruleset.ts';
