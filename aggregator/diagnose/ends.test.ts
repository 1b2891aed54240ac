import { describe, expect, it } from 'vitest';
import { ask, refusal } from '../../test/diagnosis-world.ts';

describe('what can be asked', () => {
  it.each([
    ['pod/shop/api-0', 'pod/shop/api-0', 'node-b'],
    ['node/node-b', 'node/node-b', 'node-b'],
    ['10.244.2.3:8080', 'pod/shop/api-0', 'node-b'],
    ['192.168.100.12', 'node/node-b', 'node-b'],
    ['10.96.0.7', 'svc/shop/api:http', null],
    ['svc/shop/api:80', 'svc/shop/api:http', null],
    ['192.0.2.7:443', '192.0.2.7:443', null],
    ['api', 'api', null],
  ])('%s is %s', (to, text, node) => {
    const told = ask({}, { to }).to;
    expect([told.text, told.node]).toEqual([text, node]);
  });

  it.each([
    [
      { from: 'svc/shop/api' },
      'from',
      'Packets start at a pod, a node or an address, and svc/shop/api is a service. Ask from pod/NAMESPACE/NAME, node/NAME or an IP.',
    ],
    [{ from: 'pod/shop/wbe-0' }, 'from', 'The API knows no pod shop/wbe-0. Did you mean web-0?'],
    [{ from: 'pod/other/web-0' }, 'from', 'The API knows no pod other/web-0, nor any other in other.'],
    [{ from: 'node/node-x' }, 'from', 'The API knows no Node node-x.'],
    [{ to: 'svc/shop/none' }, 'to', 'The API knows no Service shop/none.'],
    [{ to: 'svc/shop/api:81' }, 'port', 'Service shop/api has no such port. It has 80/tcp (http).'],
    [
      { to: 'svc/shop/api', protocol: 'udp' as const },
      'protocol',
      'Service shop/api has no such port. It has 80/tcp (http).',
    ],
    [{ to: 'svc/shop/api:80', port: 81 }, 'port', 'svc/shop/api:80 names another port than 81. Give one.'],
    [{ to: '10.96.0.7:80', port: 81 }, 'port', '10.96.0.7:80 names another port than 81. Give one.'],
    [
      { to: 'deployment/shop/api' },
      'to',
      'deployment/shop/api is a workload, and what breaks may be on one node alone: ask about one pod. It has no pod now.',
    ],
  ])('%j is refused', (asked, parameter, problem) => {
    expect(refusal(asked)).toEqual([parameter, problem]);
  });

  it('is nothing that is no end at all', () => {
    expect(refusal({ to: 'a b' })[1]).toMatch(/^"a b" is neither an IP nor a name\./);
  });

  it('is no pod while pods are not known', () => {
    expect(refusal({}, { snapshot: { pods: null } })).toEqual([
      'from',
      'Nothing is known of pods: they could not be listed.',
    ]);
  });
});
