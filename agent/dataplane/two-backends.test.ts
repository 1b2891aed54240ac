/** iptables-legacy and iptables-nft on one node: both are asked for every packet, and no dump shows which one first. */
import { describe, expect, it } from 'vitest';
import {
  type RuleLines,
  skeleton,
  type Told,
  toldOfWeb,
  together,
  traceBoth,
  webEntry,
  webWith,
  webWithout,
} from '../../test/rules-text.ts';

const backend = '10.244.1.2:8080';
const healthy: Told = { pod: backend, node: `${backend} masquerade=always`, outside: `${backend} masquerade=always` };
const disputed = 'unknown order-not-visible';

describe('kube-proxy in one backend, strangers in the other', () => {
  /** The same from whichever side one looks. */
  function beside(proxy: RuleLines, strangers: RuleLines): Told {
    const told = toldOfWeb(traceBoth({ nft: proxy, legacy: strangers }));
    expect(toldOfWeb(traceBoth({ legacy: proxy, nft: strangers }))).toEqual(told);
    return told;
  }

  it.each<readonly [string, RuleLines]>([
    ['nothing', { nat: [], filter: [] }],
    ['the chains that kubelet leaves there', { mangle: [':KUBE-IPTABLES-HINT'], nat: [':KUBE-KUBELET-CANARY'] }],
    ['a policy DROP', { filter: [':FORWARD DROP', ':OUTPUT DROP'] }],
    ['filter rules that cannot be decided', { filter: ['-A FORWARD -m set --match-set a src -j DROP'] }],
    ['a masquerading of containers', { nat: ['-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE'] }],
    ['a translation of another port', { nat: ['-A PREROUTING -p tcp -m tcp --dport 8080 -j REDIRECT'] }],
  ])('%s: a Service is served as alone', (_, strangers) => {
    expect(beside(webWith(backend), strangers)).toEqual(healthy);
  });

  it('the strangers translate the same packets: one of the two does', () => {
    const nat = ['-A PREROUTING -d 10.96.0.1/32 -p tcp -j DNAT --to-destination 192.0.2.9:80'];
    expect(beside(webWith(backend), { nat })).toEqual({ ...healthy, pod: disputed, outside: disputed });
  });

  it('the strangers do with them what cannot be read, before or in nat', () => {
    const target = '-A PREROUTING -d 10.96.0.1/32 -j FUTURE [unsupported revision]';
    expect(beside(webWith(backend), { nat: [target] })).toEqual({ ...healthy, pod: disputed, outside: disputed });
    expect(beside(webWith(backend), { raw: [target] })).toEqual({ ...healthy, pod: disputed, outside: disputed });
  });

  it('the strangers drop them before any nat: they are dropped', () => {
    const raw = ['-A PREROUTING -d 10.96.0.1/32 -j DROP'];
    expect(beside(webWith(backend), { raw })).toEqual({ ...healthy, pod: 'drop', outside: 'drop' });
  });

  it('a Service without endpoints that the strangers leave alone is refused', () => {
    expect(beside(webWithout, { filter: ['-A FORWARD -d 192.0.2.1/32 -j DROP'] })).toBe('reject');
  });

  it('a Service without endpoints that the strangers drop: which comes first is not seen', () => {
    expect(beside(webWithout, { filter: [':FORWARD DROP'] })).toEqual({
      pod: disputed,
      node: 'reject',
      outside: disputed,
    });
  });

  it('a Service that kube-proxy lost and the strangers drop is dropped', () => {
    const lost = together(skeleton, { nat: [webEntry, ':KUBE-SVC-WEB'] });
    expect(beside(lost, { filter: [':FORWARD DROP', ':OUTPUT DROP'] })).toBe('drop');
  });

  it('only a part is forwarded and the strangers drop the rest: what becomes of that is not seen', () => {
    const half = webWith(backend).nat?.map((line) =>
      line.replace('-j KUBE-SEP', '-m statistic --mode random --probability 0.50000000000 -j KUBE-SEP'),
    );
    expect(beside({ nat: half ?? [] }, { filter: [':FORWARD DROP'] })).toMatchObject({
      pod: disputed,
      outside: disputed,
    });
  });
});

describe("kube-proxy's rules in both backends", () => {
  it('that agree: nothing is lost', () => {
    const traced = traceBoth({ nft: webWith(backend), legacy: webWith(backend) });
    expect(toldOfWeb(traced)).toEqual(healthy);
    expect(traced.serviceBackends).toEqual(['legacy', 'nft']);
  });

  it.each<readonly [string, RuleLines]>([
    ['another endpoint', webWith('10.244.9.9:8080')],
    ['an endpoint more', webWith(backend, '10.244.9.9:8080')],
    ['no endpoint', together(webWithout, { filter: [] })],
  ])('where one has %s, nothing is claimed', (_, other) => {
    expect(toldOfWeb(traceBoth({ nft: webWith(backend), legacy: other }))).toBe(disputed);
  });

  it('where one has another Service only, nothing is claimed of either', () => {
    const rename = (line: string): string =>
      line.replaceAll('10.96.0.1/', '10.96.0.2/').replaceAll('KUBE-SVC-WEB', 'KUBE-SVC-API');
    const other = { nat: webWith(backend).nat?.map(rename) ?? [] };
    const { table } = traceBoth({ nft: webWith(backend), legacy: other });
    expect([...table].map(([key, { forwarding }]) => [key, forwarding.pod.route])).toEqual([
      ['tcp 10.96.0.2:80', { action: 'unknown', reason: 'order-not-visible' }],
      ['tcp 10.96.0.1:80', { action: 'unknown', reason: 'order-not-visible' }],
    ]);
  });
});
