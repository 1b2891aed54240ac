import { existsSync, readFileSync } from 'node:fs';
import { parseRules } from 'node-iptables-parse';
import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../test/recordings.ts';
import type { BaseJump, IptablesStructure } from '../../proto/parts.ts';
import { readMetrics } from '../collectors/kube-proxy-metrics.ts';
import { describeStructure } from './structure.ts';

/** What surrounds kube-proxy's rules has tests of its own: surroundings.test.ts. */
type Summary = Pick<
  IptablesStructure,
  | 'hasServiceRules'
  | 'missingBaseJumps'
  | 'danglingJumps'
  | 'duplicateRules'
  | 'orphanedChains'
  | 'unreadableRules'
  | 'masqueradePath'
  | 'dropsInvalid'
>;

const nothing = { total: 0, first: [] };
const sound: Summary = {
  hasServiceRules: true,
  missingBaseJumps: [],
  danglingJumps: nothing,
  duplicateRules: nothing,
  orphanedChains: nothing,
  unreadableRules: nothing,
  masqueradePath: 'ok',
  dropsInvalid: true,
};
const allBaseJumps: readonly BaseJump[] = [
  { table: 'nat', from: 'PREROUTING', to: 'KUBE-SERVICES' },
  { table: 'nat', from: 'OUTPUT', to: 'KUBE-SERVICES' },
  { table: 'nat', from: 'POSTROUTING', to: 'KUBE-POSTROUTING' },
  { table: 'filter', from: 'FORWARD', to: 'KUBE-SERVICES' },
  { table: 'filter', from: 'OUTPUT', to: 'KUBE-SERVICES' },
  { table: 'filter', from: 'INPUT', to: 'KUBE-EXTERNAL-SERVICES' },
  { table: 'filter', from: 'FORWARD', to: 'KUBE-EXTERNAL-SERVICES' },
  { table: 'filter', from: 'FORWARD', to: 'KUBE-FORWARD' },
  { table: 'filter', from: 'INPUT', to: 'KUBE-NODEPORTS' },
  { table: 'filter', from: 'INPUT', to: 'KUBE-PROXY-FIREWALL' },
  { table: 'filter', from: 'FORWARD', to: 'KUBE-PROXY-FIREWALL' },
  { table: 'filter', from: 'OUTPUT', to: 'KUBE-PROXY-FIREWALL' },
  { table: 'filter', from: 'INPUT', to: 'KUBE-FIREWALL' },
  { table: 'filter', from: 'OUTPUT', to: 'KUBE-FIREWALL' },
];

function describeText(text: string, about: Pick<IptablesStructure, 'backend' | 'family'>): IptablesStructure {
  const parsed = parseRules(text, { expectTables: [], trailer: 'optional' });
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return describeStructure({ ...about, ruleset: parsed.ruleset, markBit: 14 });
}

function structuresOf(folder: string): readonly IptablesStructure[] {
  const structures: IptablesStructure[] = [];
  for (const backend of ['legacy', 'nft'] as const) {
    for (const family of ['ipv4', 'ipv6'] as const) {
      const path = `${folder}/${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}-save.txt`;
      if (existsSync(path)) structures.push(describeText(readFileSync(path, 'utf8'), { backend, family }));
    }
  }
  return structures;
}

function summaryOf(structure: IptablesStructure | undefined): Summary {
  if (structure === undefined) throw new Error('no such structure');
  const known = [...structure.presentBaseJumps, ...structure.missingBaseJumps];
  expect(known.length).toBeGreaterThanOrEqual(structure.hasServiceRules ? 8 : 0);
  const { hasServiceRules, missingBaseJumps, danglingJumps, duplicateRules, orphanedChains } = structure;
  const { unreadableRules, masqueradePath, dropsInvalid } = structure;
  const chains = { danglingJumps, duplicateRules, orphanedChains, unreadableRules };
  return { hasServiceRules, missingBaseJumps, ...chains, masqueradePath, dropsInvalid };
}

/** The IPv4 structure of a damaged node-a, with its IPv6 one asserted to be sound. */
function damaged(name: string): Summary {
  const [ipv4, ipv6] = structuresOf(`${recordingFolder('s3-damage')}/${name}/node-a`);
  expect(summaryOf(ipv6)).toEqual(sound);
  return summaryOf(ipv4);
}

describe('a node in sync, and one that is merely out of date', () => {
  it.each([
    ['s1-healthy/node-a', 2],
    ['s1-healthy/node-b', 2],
    ['s1-healthy/node-c', 0],
    ['s2-stale-stopped/node-a', 2],
    ['s2-stale-stopped/node-b', 2],
    ['s2-stale-stopped/before/node-a', 2],
    ['s2-stale-stopped/before/node-b', 2],
    ['s2b-stale-partition/node-a', 2],
    ['s2b-stale-partition/node-b', 2],
    ['s3-damage/healthy/node-a', 2],
    ['s4-mixed-backends/node-b', 4],
    ['s5-recovered/node-a', 2],
    ['s5-recovered/node-b', 2],
    ['s5b-recovered-after-mixed/node-b', 2],
  ])('%s has nothing wrong with how its rules are built', (path, count) => {
    const [name = '', ...rest] = path.split('/');
    const structures = structuresOf([recordingFolder(name), ...rest].join('/'));
    expect(structures.map(summaryOf)).toEqual(new Array(count).fill(sound));
    for (const { presentBaseJumps } of structures) expect(presentBaseJumps).toEqual(allBaseJumps);
  });
});

describe('the rules of kube-proxy that are there', () => {
  it.each([
    ['s1-healthy/node-a', 'nft'],
    ['s1-healthy/node-b', 'legacy'],
    ['s2-stale-stopped/node-a', 'nft'],
    ['s2b-stale-partition/node-a', 'nft'],
    ['s2b-stale-partition/node-b', 'legacy'],
    ['s3-damage/healthy/node-a', 'nft'],
    ['s4-mixed-backends/node-b', 'nft'],
    ['s5-recovered/node-a', 'nft'],
    ['s5-recovered/node-b', 'legacy'],
    ['s5b-recovered-after-mixed/node-b', 'legacy'],
  ])('on %s are as many as it believes (%s)', (path, running) => {
    const [name = '', ...rest] = path.split('/');
    const folder = [recordingFolder(name), ...rest].join('/');
    const { believedRules } = readMetrics(readFileSync(`${folder}/kube-proxy/metrics.txt`, 'utf8'));
    const counted = structuresOf(folder)
      .filter(({ backend }) => backend === running)
      .flatMap(({ family, kubeRules }) => [
        { family, table: 'filter', rules: kubeRules.filter },
        { family, table: 'nat', rules: kubeRules.nat },
      ]);
    expect(counted).toEqual(believedRules);
  });
});

describe('one damage', () => {
  it('a: an endpoint chain without its DNAT rule makes the jump to it dangle', () => {
    expect(damaged('a-sep-rule-deleted')).toEqual({
      ...sound,
      danglingJumps: {
        total: 1,
        first: [
          {
            table: 'nat',
            chain: 'KUBE-SVC-LHC5VC26WPUGZKJX',
            rule: '-A KUBE-SVC-LHC5VC26WPUGZKJX -m comment --comment "shop/web-multi:http -> 10.244.1.2:8080" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-QHBJVXWSP7ESQKCG',
            target: 'KUBE-SEP-QHBJVXWSP7ESQKCG',
          },
        ],
      },
    });
  });

  it('b: a flushed service chain makes the jumps to it dangle, and its endpoint chains orphans', () => {
    expect(damaged('b-svc-chain-flushed')).toEqual({
      ...sound,
      danglingJumps: {
        total: 1,
        first: [
          {
            table: 'nat',
            chain: 'KUBE-SERVICES',
            rule: '-A KUBE-SERVICES -d 10.96.125.205/32 -p tcp -m comment --comment "shop/api:grpc cluster IP" -m tcp --dport 9090 -j KUBE-SVC-TG4Y7II5EGIOXNPD',
            target: 'KUBE-SVC-TG4Y7II5EGIOXNPD',
          },
        ],
      },
      orphanedChains: {
        total: 5,
        first: ['4TAO7UVXB6XOFSLZ', 'ASGYKKRXOMV7VXDB', 'D5RHELNT22TIILW3', 'GLI6O3YXWT5IE7AK', 'VGV5LLOOEQPQNDWN'].map(
          (hash) => ({ table: 'nat', chain: `KUBE-SEP-${hash}` }),
        ),
      },
    });
  });

  it('d: a lost PREROUTING jump is a missing base jump', () => {
    const lost: BaseJump = { table: 'nat', from: 'PREROUTING', to: 'KUBE-SERVICES' };
    expect(damaged('d-prerouting-jump-deleted')).toEqual({ ...sound, missingBaseJumps: [lost] });
  });

  it('e: a rule that is there twice is a duplicate', () => {
    const rule =
      '-A KUBE-SERVICES -d 10.96.27.42/32 -p tcp -m comment --comment "shop/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-E3PXEPMWAWIUT6ZV';
    const duplicateRules = { total: 1, first: [{ table: 'nat', chain: 'KUBE-SERVICES', rule, count: 2 }] };
    expect(damaged('e-duplicate-rule')).toEqual({ ...sound, duplicateRules });
  });

  it('g: a lost KUBE-SERVICES entry leaves its service chain without any reference', () => {
    const orphanedChains = { total: 1, first: [{ table: 'nat', chain: 'KUBE-SVC-LLS54O3MYD4KMYTI' }] };
    expect(damaged('g-services-entry-deleted')).toEqual({ ...sound, orphanedChains });
  });

  it.each(['c-dnat-target-changed', 'f-probability-changed', 'h-reject-rule-deleted'])(
    '%s does not show in how the rules are built',
    (name) => {
      expect(damaged(name)).toEqual(sound);
    },
  );
});

describe("rules of kube-proxy's ipvs mode", () => {
  it('are no service rules: base jumps are not judged', () => {
    const structures = structuresOf(`${recordingFolder('s6-ipvs-healthy')}/node-d`);
    expect(structures.map(summaryOf)).toEqual(
      new Array(2).fill({ ...sound, hasServiceRules: false, dropsInvalid: false }),
    );
  });
});

/** nat rules of a small node; `change` edits the lines. */
function smallNode(change: (lines: readonly string[]) => readonly string[]): Summary {
  const lines = [
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
    '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0',
    '-A KUBE-POSTROUTING -j MASQUERADE --random-fully',
    '-A KUBE-SEP-A -j DNAT --to-destination 10.244.1.2:8080',
    '-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SVC-A',
    '-A KUBE-SVC-A -j KUBE-SEP-A',
  ];
  const own = ['KUBE-MARK-MASQ', 'KUBE-POSTROUTING', 'KUBE-SEP-A', 'KUBE-SERVICES', 'KUBE-SVC-A', 'FOREIGN'];
  const nat = [
    '*nat',
    ...['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'].map((chain) => `:${chain} ACCEPT [0:0]`),
    ...own.map((chain) => `:${chain} - [0:0]`),
    ...change(lines),
    'COMMIT',
  ];
  const filter = [
    '*filter',
    ...['INPUT', 'FORWARD', 'OUTPUT'].map((chain) => `:${chain} ACCEPT [0:0]`),
    ...['KUBE-EXTERNAL-SERVICES', 'KUBE-FORWARD', 'KUBE-SERVICES', 'KUBE-PROXY-FIREWALL'].map(
      (chain) => `:${chain} - [0:0]`,
    ),
    '-A INPUT -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES',
    '-A FORWARD -m state --state NEW -j KUBE-EXTERNAL-SERVICES',
    '-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES',
    '-A FORWARD -j KUBE-FORWARD',
    '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
    '-A OUTPUT -m conntrack --ctstate NEW -j KUBE-SERVICES',
    'COMMIT',
  ];
  return summaryOf(describeText([...nat, ...filter, ''].join('\n'), { backend: 'nft', family: 'ipv4' }));
}

describe('base jumps', () => {
  const prerouting: BaseJump = { table: 'nat', from: 'PREROUTING', to: 'KUBE-SERVICES' };
  const insteadOfFirst = (...lines: readonly string[]) => smallNode(([, ...rest]) => [...lines, ...rest]);

  it('of an older kube-proxy without later chains are complete', () => {
    expect(smallNode((lines) => lines)).toEqual(sound);
  });

  it('through a chain that is always jumped to are present', () => {
    expect(insteadOfFirst('-A PREROUTING -j FOREIGN', '-A FOREIGN -j KUBE-SERVICES')).toEqual(sound);
  });

  it('through a chain that only some packets reach are missing', () => {
    const summary = insteadOfFirst('-A PREROUTING -i eth0 -j FOREIGN', '-A FOREIGN -j KUBE-SERVICES');
    expect(summary).toEqual({ ...sound, missingBaseJumps: [prerouting] });
  });

  it('for packets that are no new connections only are missing', () => {
    const summary = insteadOfFirst('-A PREROUTING -m conntrack --ctstate ESTABLISHED -j KUBE-SERVICES');
    expect(summary).toEqual({ ...sound, missingBaseJumps: [prerouting] });
  });

  it('that are there twice are duplicates; foreign rules may repeat', () => {
    const jump = '-A PREROUTING -j KUBE-SERVICES';
    const summary = insteadOfFirst(jump, jump, jump, '-A PREROUTING -j FOREIGN', '-A PREROUTING -j FOREIGN');
    const first = [{ table: 'nat', chain: 'PREROUTING', rule: jump, count: 3 }];
    expect(summary).toEqual({ ...sound, duplicateRules: { total: 1, first } });
  });
});

describe('masquerading', () => {
  const pathOf = (change: (line: string) => string | null) =>
    smallNode((lines) => lines.map(change).filter((line) => line !== null)).masqueradePath;

  it('without a rule in the mark chain has no mark', () => {
    expect(pathOf((line) => (line.startsWith('-A KUBE-MARK-MASQ') ? null : line))).toBe('mark-not-set');
  });

  it('with another mark than kube-proxy was told has no mark', () => {
    expect(pathOf((line) => (line.startsWith('-A KUBE-MARK-MASQ') ? line.replaceAll('0x4000', '0x8000') : line))).toBe(
      'mark-not-set',
    );
  });

  it('without the jump from POSTROUTING is never reached', () => {
    expect(pathOf((line) => (line.startsWith('-A POSTROUTING') ? null : line))).toBe('not-masqueraded');
  });

  it('without its last rule masquerades nothing', () => {
    expect(pathOf((line) => (line.endsWith('--random-fully') ? null : line))).toBe('not-masqueraded');
  });

  it('that lost its first rule masquerades what carries no mark', () => {
    expect(pathOf((line) => (line.endsWith('RETURN') ? null : line))).toBe('masquerades-unmarked');
  });

  it('as kube-proxy wrote it before v1.20 is sound', () => {
    const change = (line: string) => {
      if (line.endsWith('RETURN') || line.endsWith('0x4000/0x0')) return null;
      return line.endsWith('--random-fully') ? '-A KUBE-POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE' : line;
    };
    expect(pathOf(change)).toBe('ok');
  });
});

describe('rules that cannot be read', () => {
  it('are counted and shown', () => {
    const rule = '-A FOREIGN -m set [unsupported revision] -j DROP';
    const summary = smallNode((lines) => [...lines, rule]);
    const unreadableRules = { total: 1, first: [{ table: 'nat', chain: 'FOREIGN', rule }] };
    expect(summary).toEqual({ ...sound, unreadableRules });
  });
});

describe('more than 40 of a kind', () => {
  it('are all counted, 40 are shown', () => {
    const lines = Array.from({ length: 50 }, (_, index) => `-A FOREIGN -s 10.0.0.${index}/32 -j KUBE-SVC-A`);
    const { danglingJumps } = smallNode((all) => [
      ...all.filter((line) => !line.startsWith('-A KUBE-SVC-A')),
      ...lines,
    ]);
    expect([danglingJumps.total, danglingJumps.first.length]).toEqual([51, 40]);
  });
});
