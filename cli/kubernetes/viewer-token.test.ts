import { describe, expect, it } from 'vitest';
import { ApiClient } from '../../aggregator/cluster/api-client.ts';
import { systemTiming } from '../../aggregator/cluster/timing.ts';
import { ApiStandIn } from '../demo/api-server/stand-in.ts';
import { inProcessTransport } from '../../test/in-process-api.ts';
import { viewerTokens } from './viewer-token.ts';

const pod = { namespace: 'plumbline', name: 'plumbline-aggregator-x', release: 'plumbline' };
const minute = 60_000;

function asked() {
  const standIn = new ApiStandIn({ timing: systemTiming });
  standIn.addAccount('plumbline', 'plumbline-viewer');
  const clock = { now: 0 };
  const api = new ApiClient(inProcessTransport(standIn), systemTiming);
  const signal = new AbortController().signal;
  const tokens = viewerTokens(pod, { api, monotonic: () => clock.now, signal });
  const current = async () => {
    const token = await tokens.current();
    return token.ok ? token.value : token.refusal.cameBack;
  };
  return { standIn, clock, tokens, current };
}

describe('the token of the viewer', () => {
  it('is asked for once, by however many requests', async () => {
    const { standIn, current } = asked();
    const tokens = await Promise.all([current(), current(), current()]);
    expect([new Set(tokens).size, [...standIn.requests.values()]]).toEqual([1, [1]]);
  });

  it('is kept for eight of its ten minutes, then replaced', async () => {
    const { clock, current } = asked();
    const first = await current();
    clock.now = 8 * minute - 1;
    expect(await current()).toBe(first);
    clock.now = 8 * minute;
    const second = await current();
    expect(second).not.toBe(first);
    clock.now = 16 * minute - 1;
    expect(await current()).toBe(second);
  });

  it('is replaced when the aggregator refused it', async () => {
    const { tokens, current } = asked();
    const first = await current();
    expect(tokens.renew()).toBe(true);
    expect(await current()).not.toBe(first);
  });

  it('that could not be had is asked for again', async () => {
    const { standIn, current } = asked();
    standIn.fail({ verb: 'token', what: { kind: 'status', status: 503 } });
    expect(await current()).toMatch(/503 ServiceUnavailable/);
    expect(await current()).toMatch(/^ey/);
  });

  it('is none in an answer of something else', async () => {
    const { standIn, current } = asked();
    standIn.fail({ verb: 'token', what: { kind: 'wrong-kind' } });
    expect(await current()).toBe('the answer holds none');
  });
});
