/** What the shape of a rule decides, worked out from one rule of each shape. */
import type { Ruleset, Table } from 'node-iptables-parse';

/** All by shape id. */
export interface ShapeFacts {
  /** Place of the jump among the operands, -1 = none. */
  readonly jump: Int32Array;
  /** 1 = the target is DNAT. */
  readonly dnat: Uint8Array;
  /** 1 = the rule that was looked at cannot be read; others of the shape may still. */
  readonly unreadable: Uint8Array;
  /** The chain that the shape's rules jump to, where it does not exist in their table. */
  readonly absentTarget: readonly (string | undefined)[];
}

/** Looks at the first rule of every shape. */
export function shapeFacts(ruleset: Ruleset): ShapeFacts {
  const seen = new Uint8Array(ruleset.shapeCount);
  const jump = new Int32Array(ruleset.shapeCount).fill(-1);
  const dnat = new Uint8Array(ruleset.shapeCount);
  const unreadable = new Uint8Array(ruleset.shapeCount);
  const absentTarget: (string | undefined)[] = new Array(ruleset.shapeCount);
  for (const table of ruleset.tables.values()) {
    const { shapeOf, ruleCount } = table;
    for (let index = 0; index < ruleCount; index++) {
      const shape = shapeOf[index] ?? 0;
      if (seen[shape] === 1) continue;
      seen[shape] = 1;
      const rule = table.rule(index);
      const place = ruleset.shape(shape).slots.indexOf('jump');
      jump[shape] = place;
      if (place < 0 && rule.target.kind === 'jump') absentTarget[shape] = rule.target.chain;
      if (rule.target.kind === 'dnat') dnat[shape] = 1;
      if (rule.unreadable !== null) unreadable[shape] = 1;
    }
  }
  return { jump, dnat, unreadable, absentTarget };
}

/** Rule -> the chain it jumps or goes to, -1 = none. */
export function jumpTargets({ shapeOf, operandStart, operands, ruleCount }: Table, { jump }: ShapeFacts): Int32Array {
  const targets = new Int32Array(ruleCount);
  for (let rule = 0; rule < ruleCount; rule++) {
    const place = jump[shapeOf[rule] ?? 0] ?? -1;
    targets[rule] = place < 0 ? -1 : (operands[(operandStart[rule] ?? 0) + place] ?? -1);
  }
  return targets;
}
