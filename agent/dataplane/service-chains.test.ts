/** The chains of one Service, whole and damaged: who is served, in which parts, and for how long a client stays. */
import { describe, expect, it } from 'vitest';
import { wholeShare } from '../../proto/forwarding.ts';
import {
  endpointChain,
  picks,
  probabilityText,
  skeleton,
  type Told,
  toldOfWeb,
  together,
  trace,
  webEntry,
  webWith,
} from '../../test/rules-text.ts';

/** What is told of a Service whose own rules are these; nothing is masqueraded. */
function service(...nat: readonly string[]): Told {
  return toldOfWeb(trace(together(skeleton, { nat: [webEntry, ...nat] })));
}

const one = '10.244.1.2:8080';
const two = '10.244.2.2:8080';
const three = '10.244.3.2:8080';
const chance = (probability: string): string => `-m statistic --mode random --probability ${probability}`;
const half = wholeShare / 2;

describe('shares', () => {
  it.each([1, 2, 3, 7, 16, 100, 333])('%i endpoints as kube-proxy writes them are served evenly', (count) => {
    const backends = Array.from({ length: count }, (_, i) => `10.244.${i >> 7}.${(i & 127) + 1}:80`).sort();
    expect(service(...picks(...backends))).toBe(backends.join(','));
  });

  it('a thousand endpoints are even within the rounding of ten decimals', () => {
    const backends = Array.from({ length: 1000 }, (_, i) => `10.244.${i >> 7}.${(i & 127) + 1}:80`).sort();
    const { pod } =
      trace(webWith(...backends))
        .table.values()
        .next().value?.forwarding ?? {};
    expect(pod).toEqual({
      route: { action: 'forward', backends, affinitySeconds: 0, sources: 'any', otherwise: 'drop' },
      dress: { shares: 'even', masquerade: 'never', hairpin: 'all' },
    });
  });

  it('one endpoint of a thousand whose chance is wrong shows', () => {
    const backends = Array.from({ length: 1000 }, (_, i) => `10.244.${i >> 7}.${(i & 127) + 1}:80`).sort();
    const rules = picks(...backends).map((line, i) => (i === 500 ? line.replace(/0\.\d{11}/, '0.00300000003') : line));
    expect(service(...rules)).toMatch(/ shares=\d+,.* lost=0$/);
  });

  it('an endpoint that chance never picks is not served', () => {
    const rules = picks(one, two).map((line) => line.replace('0.50000000000', '0.00000000000'));
    expect(service(...rules)).toBe(two);
  });

  it('an endpoint behind one that chance always picks is not served', () => {
    const rules = picks(one, two).map((line) => line.replace('0.50000000000', '1.00000000000'));
    expect(service(...rules)).toBe(one);
  });

  it('only one endpoint, and that one is never picked: nobody is', () => {
    const rules = [`-A KUBE-SVC-WEB ${chance('0.00000000000')} -j KUBE-SEP-10.244.1.2`, ...endpointChain(one)];
    expect(service(...rules)).toBe('none');
  });

  it('the last pick has a chance, too: what it leaves is lost', () => {
    const rules = [`-A KUBE-SVC-WEB ${chance('0.25000000000')} -j KUBE-SEP-10.244.1.2`, ...endpointChain(one)];
    expect(service(...rules)).toBe(`${one} shares=${wholeShare / 4} lost=${(wholeShare / 4) * 3}`);
  });

  it('a negated chance is the rest', () => {
    const rules = picks(one, two).map((line) => line.replace('--probability 0.50', '! --probability 0.75'));
    expect(service(...rules)).toBe(`${one},${two} shares=${half / 2},${half + half / 2} lost=0`);
  });

  it('every second packet is half of them', () => {
    const rules = picks(one, two).map((line) =>
      line.replace(chance('0.50000000000'), '-m statistic --mode nth --every 2'),
    );
    expect(service(...rules)).toBe(`${one},${two}`);
  });

  it('an endpoint that stands there twice gets both parts', () => {
    const jump = `-A KUBE-SVC-WEB ${chance(probabilityText(1 / 3))} -j KUBE-SEP-10.244.1.2`;
    const third = Math.round(wholeShare / 3);
    expect(service(jump, ...picks(one, two))).toBe(
      `${one},${two} shares=${wholeShare - third},${third} lost=0`.replace(`${wholeShare - third}`, `${third * 2}`),
    );
  });

  it('the entry of the Service stands there twice: nothing changes', () => {
    expect(service(webEntry, ...picks(one, two))).toBe(`${one},${two}`);
  });

  it('endpoints in another order than that of their text are the same', () => {
    expect(service(...picks(two, one))).toBe(`${one},${two}`);
  });
});

describe('an endpoint chain', () => {
  const without = (chain: string, what: string): readonly string[] =>
    picks(one, two).filter((line) => !(line.startsWith(`-A ${chain} `) && line.includes(what)));

  it('without DNAT: its share goes on to the next endpoint', () => {
    // The endpoint itself is marked on its way through its chain.
    expect(service(...without('KUBE-SEP-10.244.1.2', 'DNAT'))).toEqual({
      pod: `${two} masquerade=some:10.244.1.2/32`,
      node: two,
      outside: two,
    });
  });

  it('without DNAT, and the last: its share is lost', () => {
    expect(service(...without('KUBE-SEP-10.244.2.2', 'DNAT'))).toBe(`${one} shares=${half} lost=${half}`);
  });

  it('without the mark for itself: that endpoint cannot call itself', () => {
    const both = `${one},${two}`;
    expect(service(...without('KUBE-SEP-10.244.1.2', 'KUBE-MARK-MASQ'))).toEqual({
      pod: `${both} hairpin=some`,
      node: both,
      outside: both,
    });
  });

  it('with a mark for the wrong address: that endpoint cannot call itself', () => {
    const rules = picks(one).map((line) => line.replace('-s 10.244.1.2/32', '-s 10.244.1.0/31'));
    expect(service(...rules)).toEqual({
      pod: `${one} masquerade=some:10.244.1.0/31 hairpin=none`,
      node: one,
      outside: one,
    });
  });

  it('that sends to another port or address than its name says', () => {
    const rules = picks(one).map((line) =>
      line.replace('--to-destination 10.244.1.2:8080', '--to-destination 10.9.9.9:1'),
    );
    expect(service(...rules)).toEqual({
      pod: '10.9.9.9:1 masquerade=some:10.244.1.2/32',
      node: '10.9.9.9:1',
      outside: '10.9.9.9:1 hairpin=none',
    });
  });

  it('that sends to an address without a port: the port stays what it was', () => {
    const rules = picks(one).map((line) =>
      line.replace('--to-destination 10.244.1.2:8080', '--to-destination 10.244.1.2'),
    );
    expect(service(...rules)).toBe('10.244.1.2:80');
  });

  it.each(['10.244.1.2-10.244.1.9:8080', '10.244.1.2:8080-8090', ':8080'])(
    'that sends to %s: to which backend cannot be said',
    (range) => {
      const rules = picks(one).map((line) =>
        line.replace('--to-destination 10.244.1.2:8080', `--to-destination ${range}`),
      );
      expect(service(...rules)).toBe('unknown unreadable-target');
    },
  );

  it('for another protocol takes no packet', () => {
    expect(service('-A KUBE-SVC-WEB -j KUBE-SEP-10.244.1.2', ...endpointChain(one, 'udp'))).toBe('none');
    const mixed = [...picks(one, two).slice(0, 2), ...endpointChain(one), ...endpointChain(two, 'udp')];
    expect(service(...mixed)).toBe(`${one} shares=${half} lost=${half}`);
  });

  it('that is gone to instead of jumped to sends all the same', () => {
    const rules = picks(one, two).map((line) => line.replace('-j KUBE-SEP', '-g KUBE-SEP'));
    expect(service(...rules)).toBe(`${one},${two}`);
  });

  it('with a rule of someone else before its DNAT', () => {
    const drop = '-A KUBE-SEP-10.244.1.2 -s 10.244.9.0/24 -j RETURN';
    const rules = ['-A KUBE-SVC-WEB -j KUBE-SEP-10.244.1.2', drop, ...endpointChain(one)];
    expect(service(...rules)).toEqual({
      pod: expect.stringMatching(/^10\.244\.1\.2:8080 sources=10\.244\.0\.0\/21,.* else none$/),
      node: one,
      outside: one,
    });
  });
});

describe('a service chain', () => {
  it('that is empty forwards nothing', () => {
    expect(service(':KUBE-SVC-WEB')).toBe('none');
  });

  it('with RETURN before its picks forwards nothing', () => {
    expect(service('-A KUBE-SVC-WEB -j RETURN', ...picks(one))).toBe('none');
  });

  it('with RETURN between its picks loses what comes so far', () => {
    const [first = '', ...rest] = picks(one, two);
    expect(service(first, '-A KUBE-SVC-WEB -j RETURN', ...rest)).toBe(`${one} shares=${half} lost=${half}`);
  });

  it('whose rule nobody can read, before the picks: nothing is known; behind them it meets nobody', () => {
    const unreadable = '-A KUBE-SVC-WEB -j FUTURE [unsupported revision]';
    expect(service(unreadable, ...picks(one))).toBe('unknown unreadable-rule');
    expect(service(...picks(one), unreadable)).toBe(one);
  });

  it('that lost its mark for strangers: they are not masqueraded', () => {
    const rules = webWith(one);
    const nat = rules.nat?.filter((line) => !line.includes('! -s 10.244.0.0/16')) ?? [];
    expect(toldOfWeb(trace({ ...rules, nat }))).toBe(one);
  });
});

describe('client affinity', () => {
  const list = (host: string): string => `--name KUBE-SEP-${host} --mask 255.255.255.255 --rsource`;
  const check = (host: string, seconds: number): string =>
    `-A KUBE-SVC-WEB -m recent --rcheck --seconds ${seconds} --reap ${list(host)} -j KUBE-SEP-${host}`;
  const remembered = (backend: string): string => backend.slice(0, backend.indexOf(':'));
  const storing = picks(one, two).map((line) =>
    line.includes('DNAT')
      ? line.replace('-m tcp', `-m recent --set ${list(line.split(' ')[1]?.slice(9) ?? '')} -m tcp`)
      : line,
  );
  const checks = [check(remembered(one), 10800), check(remembered(two), 10800)];

  it('as kube-proxy writes it', () => {
    expect(service(...checks, ...storing)).toBe(`${one},${two} affinity=10800`);
  });

  it('with --update instead of --rcheck is the same', () => {
    expect(service(...checks.map((line) => line.replace('--rcheck', '--update')), ...storing)).toBe(
      `${one},${two} affinity=10800`,
    );
  });

  it.each([
    ['one endpoint is not asked for', checks.slice(0, 1), storing],
    ['the times differ', [check(remembered(one), 10800), check(remembered(two), 60)], storing],
    ['no time at all', checks.map((line) => line.replace(' --seconds 10800 --reap', '')), storing],
    [
      'another list is asked',
      checks.map((line) => line.replace('--name KUBE-SEP-10.244.1.2', '--name OTHER')),
      storing,
    ],
    ['no endpoint is remembered', checks, picks(one, two)],
  ])('%s: it is partial', (_, asked, rules) => {
    expect(service(...asked, ...rules)).toBe(`${one},${two} affinity=partial`);
  });

  it('is there for nobody where lists are written and never asked', () => {
    expect(service(...storing)).toBe(`${one},${two}`);
  });

  it('to a backend that is no longer picked', () => {
    const stale = [check(remembered(three), 10800), ...endpointChain(three)];
    expect(service(...checks, ...stale, ...storing)).toBe(`${one},${two} affinity=partial`);
  });
});
