/**
 * Renders the chart: a strict subset of Helm's templates, for there is no helm here. Whatever the subset lacks is an
 * error, and so is a value that values.yaml does not have. In it: `define`, `include`, `if` with `else`, `with`,
 * `toYaml`, `nindent`, `quote`, `default`, comments, and fields of .Values, .Release and .Chart.
 */
import { stringify } from 'yaml';

export interface RenderContext {
  readonly Values: unknown;
  readonly Release: Readonly<Record<string, string>>;
  readonly Chart: Readonly<Record<string, string>>;
}

interface Piece {
  /** Text as it stands, or the inside of `{{ }}`. */
  readonly kind: 'text' | 'action';
  readonly text: string;
}

interface Scope {
  /** `.`: the whole context, or what `with` entered. */
  readonly dot: unknown;
  readonly helpers: ReadonlyMap<string, readonly Piece[]>;
}

/** Renders every file but those whose names begin with `_`, which only define helpers. @returns text by name. */
export function renderChart(files: ReadonlyMap<string, string>, context: RenderContext): ReadonlyMap<string, string> {
  const helpers = new Map<string, readonly Piece[]>();
  for (const [name, text] of files) if (name.startsWith('_')) readDefinitions(piecesOf(text), helpers);
  const rendered = new Map<string, string>();
  for (const [name, text] of files) {
    if (!name.startsWith('_')) rendered.set(name, render(piecesOf(text), { dot: context, helpers }));
  }
  return rendered;
}

/** `{{-` takes the white space before it away, `-}}` that after it. Comments are nothing. */
function piecesOf(template: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  let trimNext = false;
  const addText = (text: string, trimEnd: boolean) => {
    const left = trimNext ? text.trimStart() : text;
    pieces.push({ kind: 'text', text: trimEnd ? left.trimEnd() : left });
  };
  for (const match of template.matchAll(/\{\{(?<open>-?)\s*(?<inside>\/\*[\s\S]*?\*\/|[\s\S]*?)\s*(?<close>-?)\}\}/g)) {
    addText(template.slice(from, match.index), match.groups?.open === '-');
    const inside = match.groups?.inside ?? '';
    if (!inside.startsWith('/*')) pieces.push({ kind: 'action', text: inside });
    trimNext = match.groups?.close === '-';
    from = match.index + match[0].length;
  }
  addText(template.slice(from), false);
  return pieces;
}

function readDefinitions(pieces: readonly Piece[], helpers: Map<string, readonly Piece[]>): void {
  for (let at = 0; at < pieces.length; at += 1) {
    const piece = pieces[at];
    if (piece === undefined || (piece.kind === 'text' && piece.text.trim() === '')) continue;
    const name = /^define "(?<name>[^"]+)"$/.exec(piece.text)?.groups?.name;
    if (piece.kind !== 'action' || name === undefined) throw new Error(`only definitions here, not ${piece.text}`);
    const end = endOf(pieces, at);
    helpers.set(name, pieces.slice(at + 1, end.end));
    at = end.end;
  }
}

/** The places of the `else`, if there is one, and of the `end` of the block that begins here. */
function endOf(pieces: readonly Piece[], start: number): { readonly otherwise: number | null; readonly end: number } {
  let depth = 0;
  let otherwise: number | null = null;
  for (let at = start + 1; at < pieces.length; at += 1) {
    const piece = pieces[at];
    if (piece?.kind !== 'action') continue;
    if (/^(if|with|define) /.test(piece.text)) depth += 1;
    else if (piece.text === 'else' && depth === 0) otherwise = at;
    else if (piece.text === 'end') {
      if (depth === 0) return { otherwise, end: at };
      depth -= 1;
    }
  }
  throw new Error(`${pieces[start]?.text} has no end`);
}

function render(pieces: readonly Piece[], scope: Scope): string {
  let text = '';
  for (let at = 0; at < pieces.length; at += 1) {
    const piece = pieces[at];
    if (piece === undefined) continue;
    const block = /^(?<word>if|with) (?<condition>.+)$/.exec(piece.text)?.groups;
    if (piece.kind === 'text') text += piece.text;
    else if (block?.condition === undefined) text += shown(evaluated(piece.text, scope));
    else {
      const { otherwise, end } = endOf(pieces, at);
      const value = evaluated(block.condition, scope);
      const inside = block.word === 'with' ? { ...scope, dot: value } : scope;
      if (isTrue(value)) text += render(pieces.slice(at + 1, otherwise ?? end), inside);
      else if (otherwise !== null) text += render(pieces.slice(otherwise + 1, end), scope);
      at = end;
    }
  }
  return text;
}

/** A pipeline: `.Values.a | default .Chart.AppVersion | quote`. */
function evaluated(pipeline: string, scope: Scope): unknown {
  const [first = '', ...rest] = pipeline.split('|').map((part) => part.trim());
  let value = call(wordsOf(first), scope);
  for (const part of rest) value = call(wordsOf(part), scope, value);
  return value;
}

function wordsOf(expression: string): readonly string[] {
  return expression.match(/"[^"]*"|\S+/g) ?? [];
}

function call([word = '', ...words]: readonly string[], scope: Scope, piped?: unknown): unknown {
  const given = words.map((each) => operand(each, scope));
  const args = piped === undefined ? given : [...given, piped];
  const [first, second] = args;
  switch (`${word} ${args.length}`) {
    case 'include 2': {
      const helper = scope.helpers.get(String(first));
      if (helper === undefined) throw new Error(`there is no helper ${first}`);
      return render(helper, { ...scope, dot: second });
    }
    case 'toYaml 1':
      return stringify(first, { lineWidth: 0 }).trimEnd();
    case 'nindent 2':
      return `\n${String(second).replaceAll(/^/gm, ' '.repeat(Number(first)))}`;
    case 'quote 1':
      return JSON.stringify(shown(first));
    case 'default 2':
      return isTrue(second) ? second : first;
    default:
      if (args.length > 0) throw new Error(`${word} of ${args.length} is not in the subset`);
      return operand(word, scope);
  }
}

function operand(word: string, { dot }: Scope): unknown {
  if (/^"[^"]*"$/.test(word)) return word.slice(1, -1);
  if (/^\d+$/.test(word)) return Number(word);
  if (word === '.') return dot;
  if (!/^(\.\w+)+$/.test(word)) throw new Error(`${word} is not in the subset`);
  let value = dot;
  for (const key of word.slice(1).split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) {
      throw new Error(`${word}: there is no ${key}`);
    }
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

/** As Go's templates see it: empty things are false. */
function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Error(`${JSON.stringify(value)} cannot be shown without toYaml`);
}
