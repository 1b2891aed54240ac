/** kube-proxy's table of nftables mode as a test writes it: sets, maps and chains, and their text. */
import type { Family } from '../../proto/address.ts';

/** Of a set `10.96.0.1`, of a map `10.96.0.1 . tcp . 80 : goto service-...`. */
export interface WrittenElement {
  readonly text: string;
  /** `ns/name` of the Service that asks for it; null = it is there whatever the Services. */
  readonly service: string | null;
}

/** A set or a map. */
export interface WrittenSet {
  readonly kind: 'set' | 'map';
  /** Its type, comment, size, flags and timeout, a line each. */
  readonly head: readonly string[];
  readonly elements: readonly WrittenElement[];
  readonly service: string | null;
}

export interface WrittenChain {
  /** Of a base chain its hook; of any its comment. */
  readonly head: readonly string[];
  readonly rules: readonly string[];
  readonly service: string | null;
}

export interface WrittenNft {
  readonly family: Family;
  readonly sets: ReadonlyMap<string, WrittenSet>;
  readonly chains: ReadonlyMap<string, WrittenChain>;
}

/** The text that `nft list table ip kube-proxy` prints. */
export function printNft({ family, sets, chains }: WrittenNft): string {
  const blocks = [
    ...[...sets].map(([name, set]) => block(`${set.kind} ${name}`, [...set.head, ...elementsLine(set)])),
    ...[...chains].map(([name, { head, rules }]) => block(`chain ${name}`, [...head, ...rules])),
  ];
  return `table ${family === 'ipv6' ? 'ip6' : 'ip'} kube-proxy {\n\tcomment "rules for kube-proxy"\n${blocks.join('\n')}}\n`;
}

function elementsLine({ elements }: WrittenSet): readonly string[] {
  const texts = elements.map(({ text }) => text);
  return texts.length === 0 ? [] : [`elements = { ${texts.join(',\n\t\t\t     ')} }`];
}

function block(name: string, lines: readonly string[]): string {
  return `\t${name} {\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`;
}
