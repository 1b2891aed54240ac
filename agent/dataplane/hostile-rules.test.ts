/** Rules that would take years to walk: the tracer ends soon, says that it gave up, and of the rest says what is so. */
import { describe, expect, it } from 'vitest';
import type { FrontendKey } from '../../proto/forwarding.ts';
import {
  endpointChain,
  type RuleLines,
  skeleton,
  type Told,
  toldOfWeb,
  together,
  trace,
  webEntry,
  webWith,
} from '../../test/rules-text.ts';

const backend = '10.244.1.2:8080';
const masqueraded = `${backend} masquerade=always`;
const healthy = { pod: backend, node: masqueraded, outside: masqueraded };
const givenUp = { pod: 'unknown too-complex', node: masqueraded, outside: 'unknown too-complex' };
/** Each of these ends in a tenth of it on a quiet machine. */
const deadlineMs = 5_000;

function times<T>(count: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Chains that each jump to the next one twice: `depth` lines double the way so many times. */
function doubling(hook: string, depth: number, last: string): readonly string[] {
  const jumps = times(depth, (i) => [`-A E${i} -j E${i + 1}`, `-A E${i} -j E${i + 1}`]).flat();
  return [`-A ${hook} -j E0`, ...jumps, `-A E${depth} ${last}`];
}

function within(deadline: number, work: () => Told): Told {
  const start = performance.now();
  const result = work();
  expect(performance.now() - start).toBeLessThan(deadline);
  return result;
}

/** What becomes of a healthy Service behind these rules, in time. */
function behind(strangers: RuleLines): Told {
  return within(deadlineMs, () => toldOfWeb(trace(together(strangers, webWith(backend)))));
}

const undecided = (count: number, target: string): readonly string[] =>
  times(count, (i) => `-A PREROUTING -m set --match-set s${i} src ${target}`);

describe('one Service behind', () => {
  it('jumps that double thirty times: given up', () => {
    expect(behind({ nat: doubling('PREROUTING', 30, '-s 192.0.2.1/32 -j ACCEPT') })).toEqual(givenUp);
  });

  it('jumps that double thirty times and come back as they went: passed', () => {
    expect(behind({ nat: doubling('PREROUTING', 30, '-s 192.0.2.1/32 -j LOG') })).toEqual(healthy);
  });

  it('the same behind the routing, where masquerading is decided', () => {
    expect(behind({ nat: doubling('POSTROUTING', 30, '-m mark --mark 0x7 -j ACCEPT') })).toEqual(healthy);
  });

  it('chains nested deeper than the kernel takes them: given up', () => {
    const nat = [
      '-A PREROUTING -j N0',
      ...times(100, (i) => `-A N${i} -j N${i + 1}`),
      '-A N100 -s 192.0.2.1/32 -j ACCEPT',
    ];
    expect(behind({ nat })).toEqual(givenUp);
  });

  it('chains in a loop, which the kernel would not load: given up', () => {
    expect(behind({ nat: ['-A PREROUTING -j L', '-A L -j M', '-A M -j L'] })).toEqual(givenUp);
    expect(behind({ nat: ['-A PREROUTING -j L', '-A L -g L'] })).toEqual(givenUp);
  });

  it('a hundred rules that cannot be decided and change a mark: given up', () => {
    expect(behind({ mangle: undecided(100, '-j MARK --set-xmark 0x1/0x1') })).toEqual(givenUp);
  });

  it('a hundred that cannot be decided and come back: passed', () => {
    expect(behind({ mangle: [...undecided(100, '-j A'), ':A'] })).toEqual(healthy);
    expect(behind({ mangle: undecided(100, '-j LOG') })).toEqual(healthy);
  });

  it('a hundred that cannot be decided and end alike: passed', () => {
    expect(behind({ mangle: undecided(50, '-j ACCEPT') })).toEqual(healthy);
  });

  it('a hundred that cannot be decided, and one of them may drop: that is the reason', () => {
    expect(behind({ mangle: undecided(100, '-j DROP') })).toEqual({
      pod: 'unknown set-not-read',
      node: masqueraded,
      outside: 'unknown set-not-read',
    });
  });

  it('a thousand sources with a mark each: given up', () => {
    const marks = (i: number): string =>
      `-A PREROUTING -s 192.0.${i >> 8}.${i & 255}/32 -j MARK --set-xmark 0x${(i + 1).toString(16)}00000/0xfff00000`;
    expect(behind({ mangle: times(1000, marks) })).toEqual({ ...healthy, outside: 'unknown too-complex' });
  });

  it('a hundred addresses that are kept out: they are, and all others are served', () => {
    const mangle = times(100, (i) => `-A PREROUTING -s 203.0.113.${i * 2}/32 -j DROP`);
    expect(behind({ mangle })).toEqual({
      ...healthy,
      outside: expect.stringMatching(/^10\.244\.1\.2:8080 sources=0\.0\.0\.0\/5,.* else drop masquerade=always$/),
    });
  });
});

describe('many Services behind', () => {
  const count = 2_000;
  const services: RuleLines = together(skeleton, {
    nat: times(
      count,
      (i) => `-A KUBE-SERVICES -d 10.97.${i >> 8}.${i & 255}/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-WEB`,
    ),
  });
  const one: RuleLines = { nat: [webEntry, '-A KUBE-SVC-WEB -j KUBE-SEP-10.244.1.2', ...endpointChain(backend)] };
  const keys = ['tcp 10.97.0.0:80', 'tcp 10.97.7.207:80'] as FrontendKey[];

  function fates(strangers: RuleLines): readonly unknown[] {
    const start = performance.now();
    const { table } = trace(together(strangers, services, one));
    expect(performance.now() - start).toBeLessThan(4 * deadlineMs);
    expect(table.size).toBe(count + 1);
    return keys.map((key) => table.get(key)?.forwarding.pod.route);
  }

  it('nothing: all are served', () => {
    expect(fates({})).toEqual(times(2, () => expect.objectContaining({ action: 'forward', backends: [backend] })));
  });

  it('what costs much each time: the first are known, and the rest is given up together', () => {
    const nat = doubling('PREROUTING', 13, '-s 192.0.2.1/32 -j LOG --log-prefix x').concat(
      '-A E13 -s 192.0.2.1/32 -j RETURN',
    );
    const busy = [...nat, '-A E13 -s 192.0.2.1/32 -p udp -j ACCEPT'];
    expect(fates({ nat: busy })).toEqual([
      expect.objectContaining({ action: 'forward' }),
      { action: 'unknown', reason: 'too-complex' },
    ]);
  });

  it('a rule for each of three hundred links', () => {
    const nat = times(300, (i) => `-A PREROUTING -i cali${i} -m set --match-set a src -j ACCEPT`);
    expect(fates({ nat })).toEqual(times(2, () => ({ action: 'unknown', reason: 'set-not-read' })));
  });
});
