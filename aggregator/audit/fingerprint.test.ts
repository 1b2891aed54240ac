import { describe, expect, it } from 'vitest';
import { oneSubjectOfEachKind } from '../../test/subjects.ts';
import type { Subject } from '../model/finding.ts';
import { fingerprint } from './fingerprint.ts';

const of = (subject: Subject) => fingerprint('made-up', 'uid-of-node-b', subject);

describe('a fingerprint', () => {
  it('is what it always was: journals and silences hold on to it', () => {
    expect(oneSubjectOfEachKind.map((subject) => [subject.kind, of(subject)])).toEqual([
      ['Service', 'faee533c9484c260'],
      ['Frontend', 'c22b8f55d70ea752'],
      ['Node', '1d424d4cf0d5516f'],
      ['Pod', 'd015c3d262fdbd15'],
      ['NetworkPolicy', '1dfd3b6a57cf51a8'],
      ['Link', 'b30fd63fc6ed0854'],
      ['Peer', '54715e99b5128988'],
      ['Address', 'ec3205195eed468b'],
      ['Rule', '51d75b58061f4121'],
      ['Cluster', '22929125afe03143'],
    ]);
  });

  it('tells things of one name apart by what they are, and pods by their namespace', () => {
    const named = ['Node', 'Link', 'Peer', 'Address', 'Rule', 'Cluster'] as const;
    const all: readonly Subject[] = [
      ...named.map((kind) => ({ kind, name: 'web' })),
      { kind: 'Pod', namespace: 'shop', name: 'web' },
      { kind: 'Pod', namespace: 'edge', name: 'web' },
    ];
    expect(new Set(all.map(of)).size).toBe(all.length);
  });
});
