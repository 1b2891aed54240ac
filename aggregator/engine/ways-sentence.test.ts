import { describe, expect, it } from 'vitest';
import type { AgentWay } from '../model/record.ts';
import { waysSentence } from './ways-sentence.ts';

const way: AgentWay = {
  address: 'plumbline-aggregator.plumbline.svc:8443',
  kind: 'service',
  inUse: false,
  lastWorkedAt: '2026-11-22T02:10:00.000Z',
  lastFailedAt: null,
  failingSince: null,
  reason: null,
};
const failing = { lastFailedAt: '2026-11-22T02:24:08.120Z', failingSince: '2026-11-22T02:14:08.120Z' };
const service: AgentWay = { ...way, ...failing, reason: 'refused' };
const headless: AgentWay = { ...way, kind: 'headless', address: 'plumbline-aggregator-headless.plumbline.svc:8443' };
const pod: AgentWay = { ...way, kind: 'pod', address: '10.244.1.7:8443', inUse: true };

describe('the ways of an agent', () => {
  it("say that the node's own rules may be at fault where the Service fails and a pod's own address works", () => {
    expect(waysSentence([service, headless, pod])).toBe(
      "The Service address plumbline-aggregator.plumbline.svc:8443 fails since 2026-11-22T02:14:08Z (connection refused) while the pod address 10.244.1.7:8443 works: this node's own Service rules may be why.",
    );
  });

  it('say it of another way that worked when it was tried last, and without a reason that has no word', () => {
    expect(waysSentence([{ ...service, reason: null }, headless])).toBe(
      "The Service address plumbline-aggregator.plumbline.svc:8443 fails since 2026-11-22T02:14:08Z while the headless name plumbline-aggregator-headless.plumbline.svc:8443 works: this node's own Service rules may be why.",
    );
  });

  it.each<[string, readonly AgentWay[]]>([
    ['nothing was told', []],
    ['all works', [way, headless, pod]],
    ['nothing works', [service, { ...headless, ...failing }, { ...pod, ...failing, inUse: false }]],
    ['the others were not tried', [service, { ...pod, inUse: false, lastWorkedAt: null }]],
    [
      'another way fails than the Service',
      [
        { ...way, inUse: true },
        { ...pod, ...failing, inUse: false },
      ],
    ],
    ['it works again', [{ ...way, lastFailedAt: failing.lastFailedAt }, pod]],
  ])('say nothing where %s', (_, ways) => {
    expect(waysSentence(ways)).toBe(null);
  });
});
