/** The identity of findings: the same fault on the same thing is the same finding, however its message changes. */
import { hash } from 'node:crypto';
import type { Subject } from '../model/finding.ts';

/**
 * @param scope the node's UID, or `cluster`.
 * @returns 16 hexadecimal digits; message, evidence and counters have no part in them.
 */
export function fingerprint(check: string, scope: string, subject: Subject): string {
  return hash('sha256', JSON.stringify([check, scope, ...subjectParts(subject)]), 'hex').slice(0, 16);
}

/** What sorts and identifies a subject. */
export function subjectParts(subject: Subject): readonly string[] {
  switch (subject.kind) {
    case 'Service':
      return [subject.kind, subject.namespace, subject.name, subject.port, subject.protocol];
    case 'Frontend':
      return [subject.kind, subject.name, subject.port, subject.protocol];
    case 'Pod':
    case 'NetworkPolicy':
      return [subject.kind, subject.namespace, subject.name];
    case 'Node':
    case 'Link':
    case 'Peer':
    case 'Address':
    case 'Rule':
    case 'Cluster':
      return [subject.kind, subject.name];
  }
}
