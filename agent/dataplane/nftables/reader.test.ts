import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newShape, nftTable } from '../../../test/nft-tables.ts';
import { recordingFolder } from '../../../test/recordings.ts';
import { randomFrom } from '../../node-iptables-parse/random.ts';
import { parseNftables } from './reader.ts';

function ruleset(recording: string): string {
  return readFileSync(join(recordingFolder(recording), 'node-c/nft-list-ruleset.txt'), 'utf8');
}

function tableTexts(text: string): readonly string[] {
  return text.split(/(?<=\n\}\n)/);
}

function failureOf(text: string): string {
  const parsed = parseNftables(text);
  return parsed.ok ? 'read' : `line ${parsed.failure.line}: ${parsed.failure.message}`;
}

describe('a table', () => {
  const table = nftTable(`table ip6 kube-proxy { # handle 3
	comment "rules for kube-proxy"
	set affinity-x/y { # handle 4
		type ipv6_addr
		size 65535	# count 2
		flags dynamic,timeout
		timeout 3h1m5s
		elements = { fd00::1 expires 8m25s280ms, fd00::2 expires 2s }
	}

	map service-ips {
		type ipv6_addr . inet_proto . inet_service : verdict
		comment "ClusterIP traffic"
		elements = { fd00:10:96::1 . tcp . 443 comment "a, } b" : goto service-x/y,
			     fd00:10:96::2 . udp . 53 counter packets 3 bytes 9 : drop }
	}

	chain nat-output {
		type nat hook output priority dstnat - 10; policy drop;
		counter packets 12 bytes 720 jump "services" # handle 9
	}

	chain services {
		comment "all of them"
	}

	ct helper ftp {
		type "ftp" protocol tcp
	}
}
`);

  it('has the family, name and chains with their hooks', () => {
    expect([table.family, table.name, [...table.chains.keys()]]).toEqual([
      'ipv6',
      'kube-proxy',
      ['nat-output', 'services'],
    ]);
    expect(table.chains.get('nat-output')?.base).toEqual({ type: 'nat', hook: 'output', priority: -110, drops: true });
    expect(table.chains.get('services')).toMatchObject({ base: null, ruleCount: 0 });
  });

  it('has rules without their counters and handles', () => {
    expect(table.chains.get('nat-output')?.rules()).toEqual([
      { text: 'counter jump "services"', steps: [{ kind: 'verdict', verdict: { kind: 'jump', chain: 'services' } }] },
    ]);
  });

  it('has the elements of maps, and none of sets that traffic fills', () => {
    const map = table.sets.get('service-ips');
    expect([...(map?.elements.entries() ?? [])]).toEqual([
      ['fd00:10:96::1 tcp 443', { kind: 'goto', chain: 'service-x/y' }],
      ['fd00:10:96::2 udp 53', { kind: 'drop' }],
    ]);
    const affinity = table.sets.get('affinity-x/y');
    expect([affinity?.isDynamic, affinity?.timeoutSeconds, affinity?.elements.size]).toEqual([true, 10_865, 0]);
  });

  it('has maps whose keys are named after what they hold', () => {
    const text = 'table ip t {\n\tmap m {\n\t\ttypeof ip daddr . meta l4proto . th dport : verdict\n\t}\n}\n';
    expect(nftTable(text).sets.get('m')).toMatchObject({
      parts: ['address', 'protocol', 'port'],
      mapsToVerdicts: true,
    });
  });

  it('is one whatever the pieces it comes in, later ones counting', () => {
    const head = 'table ip kube-proxy {\n';
    const parsed = parseNftables([
      `${head}\tchain a {\n\t\tdrop\n\t}\n}\n`,
      `${head}\tset s {\n\t\ttype ipv4_addr\n\t}\n}\n`,
      Buffer.from(`${head}\tchain a {\n\t\taccept\n\t}\n}\n`),
    ]);
    if (!parsed.ok) throw new Error(parsed.failure.message);
    expect([...parsed.table.sets.keys()]).toEqual(['s']);
    expect(
      parsed.table.chains
        .get('a')
        ?.rules()
        .map(({ text }) => text),
    ).toEqual(['accept']);
  });
});

describe('what is no whole table is refused, with its line', () => {
  it.each([
    ['', 'line 0: expected `table ip NAME {`, got nothing'],
    [
      'Error: No such file or directory\n',
      'line 1: expected `table ip NAME {` or `table ip6 NAME {`, got `Error: No such file or directory`',
    ],
    [
      'table inet kube-proxy {\n}\n',
      'line 1: expected `table ip NAME {` or `table ip6 NAME {`, got `table inet kube-proxy {`',
    ],
    ['table ip t {\n\tchain a {\n\t}\n', 'line 3: the output ends within table t: expected `}`'],
    ['table ip t {\n\tchain a {\n\t\tdrop\n', 'line 3: the output ends within chain a: expected `}`'],
    [
      'table ip t {\n\tset a {\n\t\telements = { 1,\n 2',
      'line 4: the output ends within the elements of set a: expected `}`',
    ],
    ['table ip t {\n\twhat is this\n}\n', 'line 2: expected a chain, set or map, got `what is this`'],
    [
      'table ip t {\n\tchain a {\n\t\ttype nat hook output priority odd; policy accept;\n\t}\n}\n',
      'line 3: expected `type T hook H priority P; policy P;`, got `type nat hook output priority odd; policy accept;`',
    ],
    ['table ip t {\n}\ntable ip u {\n}\n', 'line 3: expected the end behind table t, got `table ip u {`'],
  ])('%j', (text, message) => {
    expect(failureOf(text)).toBe(message);
  });

  it('no output at all', () => {
    expect(parseNftables([])).toEqual({
      ok: false,
      failure: { line: 1, message: 'expected `table ip NAME {`, got no output' },
    });
  });

  it('pieces of two tables', () => {
    const parsed = parseNftables(['table ip kube-proxy {\n}\n', 'table ip6 kube-proxy {\n}\n']);
    expect(parsed.ok ? '' : parsed.failure.message).toBe(
      'expected a further piece of table kube-proxy (ipv4), got kube-proxy (ipv6)',
    );
  });
});

describe('a table that is cut', () => {
  it('at any line of a recorded one is refused (s1 node-c)', () => {
    for (const text of tableTexts(ruleset('s1-healthy'))) {
      const taken: number[] = [];
      for (let at = text.indexOf('\n'); at >= 0 && at < text.length - 1; at = text.indexOf('\n', at + 1)) {
        if (parseNftables(text.slice(0, at + 1)).ok) taken.push(at);
      }
      expect(taken).toEqual([]);
    }
  });

  it('at any character is refused', () => {
    const text = newShape({ elements: { 'service-ips': ['10.96.0.1 . tcp . 80 : goto service-x/y'] } });
    const taken = Array.from(text, (_, at) => at).filter((at) => parseNftables(text.slice(0, at)).ok);
    // Without the newline behind it, the last brace is there all the same.
    expect(taken).toEqual([text.length - 1]);
  });
});

describe('hostile text', () => {
  it('with bytes changed, lost or doubled never throws', () => {
    const text = newShape({ elements: { 'service-ips': ['10.96.0.1 . tcp . 80 : goto service-x/y'] } });
    const random = randomFrom(7);
    const pick = (count: number): number => Math.floor(random() * count);
    const words = [
      '{',
      '}',
      '"',
      ',',
      ':',
      '.',
      '@',
      '!=',
      'vmap',
      'map',
      '\n',
      '#',
      '-',
      '999999999999',
      '\u0000',
      'é',
    ];
    for (let i = 0; i < 1_000; i++) {
      const at = pick(text.length);
      const odd = text.slice(0, at) + (words[pick(words.length)] ?? '') + text.slice(at + pick(3));
      const parsed = parseNftables(odd);
      if (!parsed.ok) continue;
      for (const chain of parsed.table.chains.values()) chain.rules();
      for (const set of parsed.table.sets.values()) expect(set.elements.size).toBeGreaterThanOrEqual(0);
    }
  });

  it.each([
    ['without a newline', `table ip t { ${'x '.repeat(200_000)}`],
    ['with quotes that never close', `table ip t {\n\tchain a {\n\t\tcomment "${'"\n'.repeat(100_000)}`],
    ['with blocks that never close', `table ip t {\n${'\tchain a {\n'.repeat(100_000)}`],
    ['with elements that never close', `table ip t {\n\tset a {\n\t\telements = { ${'1,\n'.repeat(100_000)}`],
  ])('%s is refused in linear time', (_name, text) => {
    expect(parseNftables(text).ok).toBe(false);
  });
});
