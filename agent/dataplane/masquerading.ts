/**
 * Which marks make nat POSTROUTING masquerade.
 *
 *   POSTROUTING ──▶ KUBE-POSTROUTING: mark 0x4000? ──no──▶ back
 *                                        │yes
 *                                        ▼
 *                                    clear the mark ──▶ MASQUERADE
 *
 * Only the mark is known of a packet here, so rules that ask for anything else are taken not to match: what other
 * components masquerade of their own accord (a CNI its pods' way out, Docker its containers') is none of kube-proxy's.
 */
import type { MasqueradePath } from '../../proto/parts.ts';
import { matchesMark } from './matching.ts';
import { changeMark } from './pieces.ts';
import type { WalkedTable } from './rule-tables.ts';

type End = 'masqueraded' | 'accepted' | { readonly mark: number };

/**
 * @param nat the nat table; undefined when there is none.
 * @returns answers per mark, remembered.
 */
export function masqueradesOf(nat: WalkedTable | undefined): (mark: number) => boolean {
  const answers = new Map<number, boolean>();
  return (mark) => {
    let answer = answers.get(mark);
    if (answer === undefined) {
      const hook = nat?.table.findChain('POSTROUTING') ?? -1;
      answer = nat !== undefined && hook >= 0 && walk({ nat, known: new Map() }, hook, mark, 0) === 'masqueraded';
      answers.set(mark, answer);
    }
    return answer;
  };
}

/**
 * Whether kube-proxy's masquerading works: its chain sets its mark, packets with the mark are masqueraded, and packets
 * without are not.
 * @param markBit kube-proxy's mark is 1 << markBit.
 */
export function masqueradePathOf(nat: WalkedTable | undefined, markBit: number): MasqueradePath {
  const marker = nat?.table.findChain('KUBE-MARK-MASQ') ?? -1;
  if (nat === undefined || marker < 0) return 'mark-not-set';
  const mark = (1 << markBit) >>> 0;
  const marked = walk({ nat, known: new Map() }, marker, 0, 0);
  if (typeof marked === 'string' || (marked.mark & mark) === 0) return 'mark-not-set';
  const masquerades = masqueradesOf(nat);
  if (!masquerades(mark)) return 'not-masqueraded';
  return masquerades(0) ? 'masquerades-unmarked' : 'ok';
}

interface Walk {
  readonly nat: WalkedTable;
  /** What became of a mark in a chain: chains that jump to each other twice would else be walked for years. */
  readonly known: Map<string, End>;
}

function walk(way: Walk, chain: number, mark: number, depth: number): End {
  if (depth > maxDepth || way.nat.isIdle(chain)) return { mark };
  const key = `${chain} ${mark}`;
  const known = way.known.get(key);
  if (known !== undefined) return known;
  // More marks than any rules in earnest make.
  if (way.known.size > maxKnown) return { mark };
  const end = walkChain(way, chain, mark, depth);
  way.known.set(key, end);
  return end;
}

const maxDepth = 32;
const maxKnown = 10_000;

function walkChain(way: Walk, chain: number, arriving: number, depth: number): End {
  const { nat } = way;
  let mark = arriving;
  for (let rule = nat.firstRule(chain); rule < nat.endOfRules(chain); rule++) {
    const { conditions, action } = nat.plan(rule);
    if (!conditions.every((asked) => asked.kind === 'mark' && matchesMark(asked, mark))) continue;
    if (action.kind === 'masquerade') return 'masqueraded';
    if (action.kind === 'accept') return 'accepted';
    if (action.kind === 'return') return { mark };
    if (action.kind === 'mark') mark = changeMark(mark, action);
    if (action.kind !== 'jump') continue;
    const end = walk(way, nat.operandId(rule, action.operand), mark, depth + 1);
    if (typeof end === 'string' || action.goto) return end;
    mark = end.mark;
  }
  return { mark };
}
