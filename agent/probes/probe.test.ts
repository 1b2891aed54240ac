import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import type { ProbeTarget } from '../stream/targets.ts';
import { type ProbeOutcome, ProbeWindow, probesOf } from './probe.ts';

const target: ProbeTarget = {
  node: 'node-2',
  address: address('10.244.2.1'),
  port: 9469,
  protocol: 'udp',
  by: 'overlay',
  packetBytes: 1450,
};
const pod: ProbeTarget = { ...target, protocol: 'tcp', port: 8080, by: 'pod', packetBytes: 0 };

function answered(milliseconds: number): ProbeOutcome {
  return { kind: 'answered', milliseconds };
}

/** What is told after these outcomes. */
function resultAfter(...outcomes: readonly ProbeOutcome[]) {
  const [probe] = probesOf(target);
  if (probe === undefined) throw new Error('a target without a probe');
  const window = new ProbeWindow(probe);
  for (const outcome of outcomes) window.add(outcome);
  return window.result();
}

describe('a target', () => {
  it('is probed by a small packet, and by one of full size where that is named', () => {
    expect(probesOf(target)).toEqual([
      { target, size: 'small', payloadBytes: 64 },
      { target, size: 'full', payloadBytes: 1_422 },
    ]);
    const small = { ...target, packetBytes: 0 };
    expect(probesOf(small)).toEqual([{ target: small, size: 'small', payloadBytes: 64 }]);
    const ipv6 = { ...target, address: address('fd00:244:2::1') };
    expect(probesOf(ipv6)[1]).toEqual({ target: ipv6, size: 'full', payloadBytes: 1_402 });
  });

  it('that is a pod is connected to', () => {
    expect(probesOf(pod)).toEqual([{ target: pod, size: 'small', payloadBytes: 0 }]);
  });
});

describe('what is told of a probe', () => {
  it('is nothing before the first is decided', () => {
    expect(resultAfter()).toEqual({
      node: 'node-2',
      address: '10.244.2.1',
      port: 9469,
      by: 'overlay',
      size: 'small',
      packetBytes: 92,
      sent: 0,
      answered: 0,
      lastAnswered: null,
      error: null,
      roundTripMs: null,
    });
  });

  it('is that of the newest three', () => {
    const silent: ProbeOutcome = { kind: 'silent' };
    expect(resultAfter(silent, silent, answered(3), answered(3))).toMatchObject({ sent: 3, answered: 2, error: null });
    expect(resultAfter(answered(3), silent)).toMatchObject({ sent: 2, answered: 1, lastAnswered: false });
  });

  it('names why the newest failed, and forgets it with the next', () => {
    const failed: ProbeOutcome = { kind: 'failed', error: 'EMSGSIZE' };
    expect(resultAfter(answered(1), failed)).toMatchObject({ lastAnswered: false, error: 'EMSGSIZE' });
    expect(resultAfter(failed, answered(1))).toMatchObject({ lastAnswered: true, error: null });
  });

  it('is the same after each answer, as long as these take about as long', () => {
    const times = [0.9, 1.1, 1.9, 0.4, 1.2, 0.7, 0.8, 0.6, 0.9].map(answered);
    const told = times.map((_, index) => resultAfter(...times.slice(0, index + 3)));
    expect(new Set(told.map((result) => JSON.stringify(result))).size).toBe(1);
    expect(told[0]).toMatchObject({ sent: 3, answered: 3, roundTripMs: 2 });
  });

  it('has the median time as the power of two above it', () => {
    expect(resultAfter(answered(5)).roundTripMs).toBe(8);
    expect(resultAfter(answered(5), answered(900), answered(3)).roundTripMs).toBe(8);
    expect(resultAfter(...[200, 200, 200, 1, 1].map(answered)).roundTripMs).toBe(1);
  });
});
