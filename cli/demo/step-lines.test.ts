import { describe, expect, it } from 'vitest';
import type { FindingJson } from '../../aggregator/http/schemas/finding.ts';
import { paints } from '../paints.ts';
import type { FindingStep } from './followed-aggregator.ts';
import { stepLines } from './step-lines.ts';

type Kind = FindingStep['transition']['kind'];

const web = { kind: 'Service', namespace: 'shop', name: 'web', port: 'http', protocol: 'tcp' } as const;

function finding(fingerprint: string, changes: Partial<FindingJson>): FindingJson {
  const at = '2026-11-22T12:00:00Z';
  return {
    fingerprint,
    check: 'stale-endpoint',
    layer: 'L3',
    severity: 'critical',
    state: 'firing',
    node: 'node-b',
    subject: web,
    parent: null,
    summary: '',
    evidence: [],
    remediation: [],
    episode: 1,
    since: at,
    shows: null,
    pendingAt: at,
    firedAt: at,
    endedAt: null,
    lastSeenAt: at,
    knownState: 'firing',
    unknownBecause: null,
    acceptedUntil: null,
    group: '',
    groupNodes: 1,
    ...changes,
  };
}

function step(kind: Kind, of: FindingJson): FindingStep {
  return {
    transition: { fingerprint: of.fingerprint, episode: 1, at: '2026-11-22T12:00:00Z', kind, because: '' },
    finding: of,
  };
}

function told(steps: readonly FindingStep[], known: readonly FindingJson[] = []): readonly string[] {
  return stepLines(steps, new Map(known.map((each) => [each.fingerprint, each])), paints(false));
}

const cause = finding('c', { check: 'proxy-stalled', subject: { kind: 'Node', name: 'node-b' } });
const effect = finding('e', { parent: 'c' });

describe('steps that were heard together', () => {
  it('tell each cause in a line, and how many follow from it', () => {
    const other = finding('o', {});
    expect(told([step('firing', effect), step('firing', cause), step('firing', other)])).toEqual([
      'firing    critical   proxy-stalled   node-b',
      '          and 1 finding below it',
      'firing    critical   stale-endpoint   node-b   shop/web:http',
    ]);
  });

  it('of different kinds stand apart', () => {
    expect(told([step('resolved', cause), step('pending', finding('n', { node: null }))])).toEqual([
      'resolved  critical   proxy-stalled   node-b',
      'pending   critical   stale-endpoint   (cluster)   shop/web:http',
    ]);
  });

  it('whose cause was told before name it, and say so where nobody knows it', () => {
    expect([told([step('withdrawn', effect)], [cause]), told([step('withdrawn', effect)])]).toEqual([
      ['withdrawn 1 finding below critical   proxy-stalled   node-b'],
      ['withdrawn 1 finding below a cause'],
    ]);
  });

  it('cannot act on a terminal', () => {
    const hostile = finding('h', { subject: { ...web, name: 'web\u001b[2J' } });
    expect(told([step('pending', hostile)]).join('')).not.toContain('\u001b');
  });
});
