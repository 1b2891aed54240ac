import { describe, expect, it } from 'vitest';
import { everyone, forwardTo, frontend, nodeView, untaken } from '../../test/view-builders.ts';
import { staleService } from './stale-service.ts';

const old = 'tcp 198.51.100.50:80';
const current = 'tcp 198.51.100.52:80';
const served = everyone(forwardTo('10.244.1.2:8080'));

describe('stale-service', () => {
  it('a deleted service is named by the hint of its rules', () => {
    const view = nodeView({ observed: [[old, served]], hints: { [old]: 'shop/api-nodeport:admin' } });
    expect(staleService.evaluate(view)).toMatchObject([
      {
        subject: { kind: 'Service', namespace: 'shop', name: 'api-nodeport', port: 'admin', protocol: 'tcp' },
        summary: `node-a still serves ${old}, the address of Service shop/api-nodeport:admin, which does not ask for it or is gone.`,
        evidence: [
          {
            kind: 'forwarding',
            frontend: old,
            wanted: 'no rule',
            real: 'forward to 10.244.1.2:8080 (masquerade never)',
          },
        ],
        frontends: [frontend(old)],
      },
    ]);
  });

  it('an old external address of a service that lives', () => {
    const view = nodeView({
      desired: [[current, served]],
      observed: [
        [old, served],
        [current, served],
      ],
      owners: { [current]: 'edge/ext-ip:http' },
      hints: { [old]: 'edge/ext-ip:http' },
    });
    expect(staleService.evaluate(view).map(({ summary }) => summary)).toEqual([
      `node-a still serves ${old}, which Service edge/ext-ip:http does not ask for.`,
    ]);
  });

  it('rules without any hint are told by their frontend', () => {
    const view = nodeView({ observed: [[old, served]] });
    expect(staleService.evaluate(view).map(({ subject, summary }) => ({ subject, summary }))).toEqual([
      {
        subject: { kind: 'Frontend', name: old, port: '80', protocol: 'tcp' },
        summary: `node-a still serves ${old}, which no Service asks for.`,
      },
    ]);
  });

  it('a frontend that no rule takes is not served, even when the table lists it', () => {
    expect(staleService.evaluate(nodeView({ observed: [[old, everyone(untaken)]] }))).toEqual([]);
  });
});
