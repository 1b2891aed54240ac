import { describe, expect, it } from 'vitest';
import type { FindingRow } from './finding-rows.ts';
import { findingsSentence, nodesSentence, servicesSentence } from './headlines.ts';
import type { NodeJson } from '../http/schemas/node.ts';
import type { ServiceJson } from '../http/schemas/service.ts';

/** A list as far as its sentence looks at it. */
function listOf<Row>(rows: readonly Partial<Row>[], isWhole = true) {
  return { rows: new Map(rows.map((row, at) => [String(at), Object(row)])), isWhole };
}

describe('the list of findings begins with', () => {
  const row = (changes: Partial<FindingRow>): Partial<FindingRow> => ({
    ...{ severity: 'high', state: 'firing', parent: null },
    ...changes,
  });

  it('how many causes fire, and not what follows from them', () => {
    const rows = [row({}), row({ severity: 'critical' }), row({ parent: '0' })];
    expect(findingsSentence(listOf(rows))).toBe('2 causes fire, 1 of them critical.');
  });

  it('that nothing fires, though something may', () => {
    const rows = [row({ state: 'pending' }), row({ state: 'unknown' }), row({ state: 'suppressed' })];
    expect(findingsSentence(listOf(rows))).toBe(
      'Nothing fires; 1 cannot be told now; 1 may still settle; 1 is accepted.',
    );
    expect(findingsSentence(listOf<FindingRow>([]))).toBe('Nothing fires.');
  });

  it('no number before all were read', () => {
    expect(findingsSentence(listOf([row({})], false))).toBe('Findings');
  });
});

describe('the list of nodes begins with', () => {
  it.each<[readonly NodeJson['state'][], string]>([
    [[], 'No node is known yet.'],
    [['healthy'], 'The node can be trusted.'],
    [['healthy', 'healthy'], 'All 2 nodes can be trusted.'],
    [
      ['healthy', 'unhealthy', 'unknown'],
      '2 of 3 nodes cannot be trusted: 1 differs from what the cluster asks for, 1 is not known.',
    ],
    [['unknown', 'unknown'], '2 of 2 nodes cannot be trusted: 2 are not known.'],
  ])('%j: %s', (states, sentence) => {
    expect(nodesSentence(listOf<NodeJson>(states.map((state) => ({ state }))))).toBe(sentence);
  });
});

describe('the list of Services begins with', () => {
  const service = (drifted: number, unknown: number): Partial<ServiceJson> => ({
    nodes: { inSync: 1, converging: 0, drifted, unknown, total: 3 },
  });

  it.each<[readonly Partial<ServiceJson>[], string]>([
    [[], 'The cluster has no Services.'],
    [[service(0, 0)], 'Every node does with the Service what it asks for.'],
    [[service(0, 0), service(0, 0)], 'Every node does with all 2 Services what they ask for.'],
    [[service(1, 0), service(0, 0)], '1 of 2 Services is served otherwise on some node.'],
    [
      [service(1, 1), service(2, 0), service(0, 1)],
      '2 of 3 Services are served otherwise on some node; of 1 more not all nodes are known.',
    ],
    [[service(0, 1)], 'Of 1 of 1 Service not all nodes are known.'],
  ])('%j: %s', (services, sentence) => {
    expect(servicesSentence(listOf<ServiceJson>(services))).toBe(sentence);
  });
});
