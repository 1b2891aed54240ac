/**
 * Reads one rule as nft prints it. What is not understood makes an unreadable step: a packet that gets so far meets
 * something unknown; the steps before it hold all the same.
 *
 * Spellings of several releases are read: `meta mark` and `mark`, `|` and `or`, `dnat to` and `dnat ip to`.
 */
import { readChance, readDnat } from './chance-text.ts';
import { verdictOf } from './elements.ts';
import { readMarkStep } from './mark-text.ts';
import { readMatch } from './match-text.ts';
import { type Rule, type Step, unreadable, unreadableTarget } from './rule.ts';
import { secondsIn } from './times.ts';
import { unquoted, WordReader } from './words.ts';

/** @param text one line of a chain, without the blanks before it. */
export function readRule(text: string): Rule {
  const words = new WordReader(text);
  const steps: Step[] = [];
  while (words.peek() !== null) {
    const step = readStep(words, steps);
    if (step === 'nothing') continue;
    steps.push(step);
    if (step.kind === 'unreadable') break;
  }
  return { text: withoutCounters(text), steps };
}

/** A rule's text without what traffic changes, and without its number. */
function withoutCounters(text: string): string {
  const unnumbered = text.includes('# handle') ? text.replace(/ # handle \d+$/, '') : text;
  if (!unnumbered.includes('counter packets')) return unnumbered;
  return unnumbered.replace(/counter packets \d+ bytes \d+/g, 'counter');
}

type StepOrNothing = Step | 'nothing';

const undecided: Step = { kind: 'undecided' };

/** @param before the steps of the rule so far: a match of `tcp dport` adds one for the protocol. */
function readStep(words: WordReader, before: Step[]): StepOrNothing {
  const word = words.peek();
  switch (word) {
    case 'jump':
    case 'goto':
    case 'accept':
    case 'drop':
    case 'return':
    case 'continue':
      return readVerdict(words);
    case 'reject':
      words.take();
      if (words.takes('with')) takeWords(words, ['icmp', 'icmpv6', 'icmpx', 'tcp', 'type', 'reset'], 3);
      return { kind: 'verdict', verdict: { kind: 'reject' } };
    case 'dnat':
      return readDnat(words);
    case 'masquerade':
    case 'snat':
      return readToEnd(words, { kind: 'masquerade' });
    case 'notrack':
      words.take();
      return { kind: 'untrack' };
    case 'update':
    case 'add':
      return readRemember(words);
    case 'numgen':
      return readChance(words);
    case 'mark':
      words.take();
      return readMarkStep(words);
    case 'redirect':
      return unreadableTarget;
    case 'counter':
    case 'comment':
    case 'log':
    case 'limit':
    case 'quota':
      return readAside(words);
    default:
      return readMatch(words, before);
  }
}

/** Takes up to `most` words, as long as they are among these or the last of them. */
function takeWords(words: WordReader, known: readonly string[], most: number): void {
  for (let i = 0; i < most; i++) {
    const word = words.peek();
    if (word === null || (i < most - 1 && !known.includes(word))) return;
    words.take();
  }
}

/** A statement whose details change nothing here: they reach to the end of the rule. */
function readToEnd(words: WordReader, step: Step): Step {
  for (let word = words.take(); word !== null && word !== 'comment'; word = words.take());
  while (words.take() !== null);
  return step;
}

function readVerdict(words: WordReader): Step {
  const kind = words.take() ?? '';
  const chain = kind === 'jump' || kind === 'goto' ? words.take() : null;
  const verdict = verdictOf(chain === null ? [kind] : [kind, chain]);
  return verdict === null ? unreadable : { kind: 'verdict', verdict };
}

/** What counts or tells, and what holds for some packets only: no packet of a connection can tell which. */
function readAside(words: WordReader): StepOrNothing {
  const word = words.take();
  if (word === 'comment') {
    words.take();
    return 'nothing';
  }
  if (word === 'counter') {
    for (const detail of ['name', 'packets', 'bytes']) if (words.takes(detail)) words.take();
    return 'nothing';
  }
  if (word === 'log') return readLog(words);
  // limit rate [over] 5/second [burst 7 packets]; quota [over] 5 mbytes [used 3 bytes]
  while (limitWords.test(words.peek() ?? '')) words.take();
  return undecided;
}

const limitWords = /^(\d.*|rate|over|until|burst|packets|used|[km]?bytes)$/;

function readLog(words: WordReader): StepOrNothing {
  while (['prefix', 'level', 'group', 'snaplen', 'queue-threshold', 'flags'].includes(words.peek() ?? '')) {
    words.take();
    words.take();
  }
  return 'nothing';
}

/** `update @affinity-x { ip saddr timeout 5m }` */
function readRemember(words: WordReader): Step {
  words.take();
  const set = words.take();
  if (set === null || !set.startsWith('@') || !words.takes('{')) return unreadable;
  words.take();
  if (!words.takes('saddr')) return unreadable;
  const seconds = words.takes('timeout') ? secondsIn(words.take() ?? '') : null;
  return words.takes('}') ? { kind: 'remember', set: unquoted(set.slice(1)), seconds } : unreadable;
}
