import { describe, expect, it } from 'vitest';
import { wholeShare } from '../../proto/forwarding.ts';
import { everyone, forwardTo, forwardWith, frontend, nodeView } from '../../test/view-builders.ts';
import { unevenBalance } from './uneven-balance.ts';

const web = 'tcp 10.96.0.1:80';
const owners = { [web]: 'shop/web' };
const pods = ['10.244.1.2:8080', '10.244.2.2:8080'];

function found(parts: readonly number[], lost: number) {
  const real = forwardWith(pods, {
    dress: { shares: { parts: parts.map((part) => part * wholeShare), lost: lost * wholeShare } },
  });
  const view = nodeView({ desired: [[web, everyone(forwardTo(...pods))]], observed: [[web, everyone(real)]], owners });
  return unevenBalance.evaluate(view);
}

describe('uneven-balance', () => {
  it('a probability of 0.9 in place of 0.5', () => {
    expect(found([0.9, 0.1], 0)).toMatchObject([
      {
        subject: { kind: 'Service', namespace: 'shop', name: 'web', port: '', protocol: 'tcp' },
        summary: 'node-a spreads shop/web unevenly: shares run from 10 % to 90 % where all should be equal.',
        evidence: [
          {
            kind: 'forwarding',
            frontend: web,
            wanted: 'forward to 10.244.1.2:8080 and 10.244.2.2:8080 (masquerade never)',
            real: 'forward to 10.244.1.2:8080 and 10.244.2.2:8080 (masquerade never; shares 10.244.1.2:8080 90 % and 10.244.2.2:8080 10 %)',
          },
        ],
        frontends: [frontend(web)],
      },
    ]);
  });

  it('a probability on the last rule: what is lost makes it critical', () => {
    expect(found([0.5, 0.25], 0.25).map(({ summary, severity }) => ({ summary, severity }))).toEqual([
      {
        summary: 'node-a spreads shop/web unevenly: 25 % of new connections leave untranslated.',
        severity: 'critical',
      },
    ]);
  });

  it('even shares of fewer backends are a matter of missing endpoints', () => {
    const view = nodeView({
      desired: [[web, everyone(forwardTo(...pods))]],
      observed: [[web, everyone(forwardTo('10.244.1.2:8080'))]],
      owners,
    });
    expect(unevenBalance.evaluate(view)).toEqual([]);
  });
});
