import { describe, expect, it } from 'vitest';
import { dropped, everyone, forwardTo, frontend, nodeView, rejected, untaken } from '../../test/view-builders.ts';
import { rejectedService } from './rejected-service.ts';

const worker = 'tcp 203.0.113.30:80';
const owners = { [worker]: 'batch/worker-lb:http' };
const wanted = everyone(forwardTo('10.244.2.7:80'));

describe('rejected-service', () => {
  it('the refusal of an external address, with the gap it leaves for the node itself, is one finding', () => {
    const view = nodeView({
      desired: [[worker, wanted]],
      observed: [[worker, { pod: rejected, node: untaken, outside: rejected }]],
      owners,
    });
    expect(rejectedService.evaluate(view)).toMatchObject([
      {
        subject: { kind: 'Service', namespace: 'batch', name: 'worker-lb', port: 'http', protocol: 'tcp' },
        summary: `node-a refuses all packets to batch/worker-lb:http at ${worker}, although usable endpoints exist.`,
        evidence: [
          {
            kind: 'forwarding',
            frontend: worker,
            wanted: 'forward to 10.244.2.7:80 (masquerade never)',
            real: 'pod: reject; node: no rule; outside: reject',
          },
        ],
        frontends: [frontend(worker)],
      },
    ]);
  });

  it('outside packets are dropped although a local endpoint has come up', () => {
    const view = nodeView({
      desired: [[worker, wanted]],
      observed: [[worker, { ...wanted, outside: dropped }]],
      owners,
    });
    expect(rejectedService.evaluate(view).map(({ summary }) => summary)).toEqual([
      `node-a drops packets from outside clients to batch/worker-lb:http at ${worker}, although usable endpoints exist.`,
    ]);
  });

  it('a refusal that is right is none', () => {
    const view = nodeView({
      desired: [[worker, everyone(rejected)]],
      observed: [[worker, everyone(rejected)]],
      owners,
    });
    expect(rejectedService.evaluate(view)).toEqual([]);
  });
});
