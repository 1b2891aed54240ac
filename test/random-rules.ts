/** Random rules around, before and inside one Service, of everything that the tracer decides and of some it cannot. */
import fc from 'fast-check';
import { contains, prefixSet } from '../proto/prefixes.ts';
import { prefix } from './builders.ts';
import type {
  Asked,
  Does,
  PlainChain,
  PlainEnd,
  PlainPacket,
  PlainRule,
  PlainRules,
  TableName,
} from './plain-rules.ts';

function asked(slot: string, text: string, holds: (packet: PlainPacket, mark: number) => boolean): readonly Asked[] {
  const words = text.split(' ');
  // The `!` stands before the option that is asked, the last but its value.
  const negated = [...words.slice(0, -2), '!', ...words.slice(-2)].join(' ');
  return [
    { slot, text, part: (packet, mark) => (holds(packet, mark) ? 1 : 0) },
    { slot, text: negated, part: (packet, mark) => (holds(packet, mark) ? 0 : 1) },
  ];
}

function inside(text: string): (address: PlainPacket['from']) => boolean {
  const set = prefixSet([prefix(text)]);
  return (address) => contains(set, address);
}

const sources = [
  '10.244.0.0/16',
  '10.244.1.0/24',
  '10.244.1.2/32',
  '192.168.100.11/32',
  '192.168.100.0/24',
  '0.0.0.0/1',
];
const destinations = ['10.96.0.0/12', '10.96.0.1/32', '192.168.100.11/32'];
const links = ['eth0', 'cni0', 'lo'];

const decided: readonly Asked[] = [
  ...sources.flatMap((text) => asked('a source', `-s ${text}`, ({ from }) => inside(text)(from))),
  ...destinations.flatMap((text) => asked('b destination', `-d ${text}`, ({ to }) => inside(text)(to))),
  ...links.flatMap((link) => asked('c link', `-i ${link}`, (packet) => packet.interface === link)),
  ...asked('c link', '-i cni+', (packet) => packet.interface?.startsWith('cni') ?? false),
  ...asked('d transport', '-p tcp', () => true),
  ...asked('d transport', '-p tcp -m tcp --dport 80', ({ port }) => port === 80),
  ...asked('d transport', '-p tcp -m tcp --dport 81:443', ({ port }) => port > 80 && port < 444),
  ...asked(
    'd transport',
    '-p tcp -m multiport --dports 22,70:90',
    ({ port }) => port === 22 || (port > 69 && port < 91),
  ),
  { slot: 'd transport', text: '-p udp', part: () => 0 },
  ...asked('e state', '-m conntrack --ctstate NEW', () => true),
  ...asked('e state', '-m conntrack --ctstate RELATED,ESTABLISHED', () => false),
  ...asked('f type', '-m addrtype --src-type LOCAL', ({ made }) => made),
  ...asked('f type', '-m addrtype --dst-type LOCAL', ({ toNode }) => toNode),
  ...asked('g mark', '-m mark --mark 0x4000/0x4000', (_, mark) => (mark & 0x4000) !== 0),
  ...asked('g mark', '-m mark --mark 0x1', (_, mark) => mark === 1),
  { slot: 'h chance', text: '-m statistic --mode random --probability 0.25000000000', part: () => 0.25 },
  { slot: 'h chance', text: '-m statistic --mode random ! --probability 0.25000000000', part: () => 0.75 },
];

const undecided = ['a', 'b']
  .flatMap((name) => asked('i set', `-m set --match-set ${name} src`, ({ sets }) => sets.includes(name)))
  // `--match-set NAME src` has two words behind the option.
  .map((one, i) => (i % 2 === 0 ? one : { ...one, text: one.text.replace('--match-set !', '! --match-set') }));

const conditions = fc.uniqueArray(
  fc.oneof({ arbitrary: fc.constantFrom(...decided), weight: 20 }, fc.constantFrom(...undecided)),
  {
    selector: ({ slot }) => slot,
    maxLength: 3,
  },
);
const inOrder = conditions.map((all) => [...all].sort((a, b) => (a.slot < b.slot ? -1 : 1)));

const setMark = (value: number, mask: number): Does => ({ kind: 'mark', value, mask });
const jump = (chain: string): Does => ({ kind: 'jump', chain });
const plain = (...kinds: readonly PlainEnd[]): readonly Does[] => kinds.map((kind) => ({ kind }));

const everywhere = [
  ...plain('accept', 'return', 'none'),
  setMark(0x4000, 0x4000),
  setMark(1, 1),
  setMark(0x4000, 0),
  setMark(0, 0xffffffff),
];
const ofTable: { readonly [table in TableName]: readonly Does[] } = {
  raw: plain('drop'),
  mangle: plain('drop'),
  nat: [
    jump('KUBE-SERVICES'),
    jump('KUBE-MARK-MASQ'),
    { kind: 'send', backend: '8.8.8.8:53' },
    { kind: 'send', backend: '10.244.2.2:80' },
  ],
  filter: [...plain('drop', 'reject'), jump('KUBE-SERVICES')],
};
const own = ['A', 'B', 'C'];

/** Rules that jump and go only to chains behind their own, as the kernel asks for. */
function rules(table: TableName, later: readonly string[], maxLength = 3): fc.Arbitrary<readonly PlainRule[]> {
  const onward = later.flatMap((chain): readonly Does[] => [jump(chain), { kind: 'goto', chain }]);
  const does = fc.constantFrom(...onward, ...everywhere, ...ofTable[table]);
  return fc.array(fc.record({ asked: inOrder, does }), { maxLength });
}

function chains(table: TableName, hooks: readonly string[]): fc.Arbitrary<Record<string, PlainChain>> {
  const policy =
    table === 'nat' ? fc.constant('ACCEPT' as const) : fc.constantFrom('ACCEPT', 'ACCEPT', 'ACCEPT', 'DROP');
  const builtIn = hooks.map((hook) => [hook, fc.record({ policy, rules: rules(table, own) })] as const);
  const others = own.map((chain, i) => {
    const made = rules(table, own.slice(i + 1)).map((all): PlainChain => ({ policy: null, rules: all }));
    return [chain, made] as const;
  });
  return fc.record(Object.fromEntries<fc.Arbitrary<PlainChain>>([...builtIn, ...others]));
}

const exactly = (text: string): Asked => {
  const found = decided.find((one) => one.text === text);
  if (found === undefined) throw new Error(`nothing asks ${text}`);
  return found;
};
const userChain = (...all: readonly PlainRule[]): PlainChain => ({ policy: null, rules: all });
const always = (does: Does): PlainRule => ({ asked: [], does });
const webPort = exactly('-p tcp -m tcp --dport 80');

/** The end of KUBE-SVC-WEB and its endpoints, whole or not. */
const service = fc
  .record({
    marks: fc.boolean(),
    endpoints: fc.subarray(['10.244.1.2', '10.244.2.2', '10.244.3.2']),
    strange: rules('nat', [], 1),
    at: fc.nat(4),
    unmarked: fc.nat(5),
    broken: fc.nat(5),
  })
  .map(({ marks, endpoints, strange, at, unmarked, broken }) => {
    const mark = { asked: [exactly('! -s 10.244.0.0/16')], does: jump('KUBE-MARK-MASQ') };
    const picks = endpoints.map((host, i): PlainRule => {
      const chance = exactly('-m statistic --mode random --probability 0.25000000000');
      return { asked: i < endpoints.length - 1 ? [chance] : [], does: jump(`KUBE-SEP-${host}`) };
    });
    const all = [...(marks ? [mark] : []), ...picks];
    const isHarmless = ({ does }: PlainRule): boolean => does.kind !== 'jump' || does.chain !== 'KUBE-SERVICES';
    all.splice(at, 0, ...strange.filter(isHarmless));
    const seps = endpoints.map((host, i) => {
      const [itself] = asked('a source', `-s ${host}/32`, ({ from }) => from === host);
      const self: PlainRule = { asked: itself === undefined ? [] : [itself], does: jump('KUBE-MARK-MASQ') };
      const sends: PlainRule = { asked: [exactly('-p tcp')], does: { kind: 'send', backend: `${host}:80` } };
      return [
        `KUBE-SEP-${host}`,
        userChain(...(i === unmarked ? [] : [self]), ...(i === broken ? [] : [sends])),
      ] as const;
    });
    return { 'KUBE-SVC-WEB': userChain(...all), ...Object.fromEntries(seps) };
  });

const entry = (does: Does): PlainRule => ({ asked: [exactly('-d 10.96.0.1/32'), webPort], does });

/** The chains, where every built-in one ends with kube-proxy's jump. */
function withJumps(all: Readonly<Record<string, PlainChain>>): Readonly<Record<string, PlainChain>> {
  const last = always(jump('KUBE-SERVICES'));
  const lasting = Object.entries(all).map(([name, { policy, rules: before }]) => {
    return [name, { policy, rules: policy === null ? before : [...before, last] }] as const;
  });
  return Object.fromEntries(lasting);
}

/** A node with one Service on 10.96.0.1:80, its node port 80, and strangers in every table. */
export const randomRules: fc.Arbitrary<PlainRules> = fc
  .record({
    raw: chains('raw', ['PREROUTING', 'OUTPUT']),
    mangle: chains('mangle', ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT']),
    nat: chains('nat', ['PREROUTING', 'OUTPUT']),
    filter: chains('filter', ['INPUT', 'FORWARD', 'OUTPUT']),
    service,
    refused: fc.boolean(),
  })
  .map(({ raw, mangle, nat, filter, service: served, refused }) => {
    return {
      raw,
      mangle,
      nat: {
        ...withJumps(nat),
        POSTROUTING: {
          policy: 'ACCEPT',
          rules: [{ asked: [exactly('-m mark --mark 0x4000/0x4000')], does: { kind: 'masquerade' } }],
        },
        'KUBE-SERVICES': userChain(entry(jump('KUBE-SVC-WEB')), {
          asked: [exactly('-m addrtype --dst-type LOCAL')],
          does: jump('KUBE-NODEPORTS'),
        }),
        'KUBE-NODEPORTS': userChain({ asked: [webPort], does: jump('KUBE-SVC-WEB') }),
        'KUBE-MARK-MASQ': userChain(always(setMark(0x4000, 0x4000))),
        ...served,
      },
      filter: {
        ...withJumps(filter),
        'KUBE-SERVICES': userChain(...(refused ? [entry({ kind: 'reject' })] : [])),
      },
    };
  });
