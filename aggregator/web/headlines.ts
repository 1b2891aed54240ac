/** The sentence at the head of each list: the answer to its question, before any table. */
import type { NodeJson } from '../http/schemas/node.ts';
import type { ServiceJson } from '../http/schemas/service.ts';
import type { FindingRow } from './finding-rows.ts';

/** What is known of a list: as long as not all of it was read, counts would be wrong. */
interface Known<Row> {
  readonly rows: ReadonlyMap<string, Row>;
  readonly isWhole: boolean;
}

/** `3 causes fire, 2 of them critical; 1 may still settle.` What follows from a cause is not counted. */
export function findingsSentence({ rows, isWhole }: Known<FindingRow>): string {
  if (!isWhole) return 'Findings';
  const causes = [...rows.values()].filter(({ parent }) => parent === null || !rows.has(parent));
  const inState = (state: FindingRow['state']) => causes.filter((row) => row.state === state);
  const firing = inState('firing');
  const accepted = inState('suppressed').length;
  const critical = firing.filter(({ severity }) => severity === 'critical').length;
  const parts = [
    `${firing.length === 0 ? 'Nothing fires' : `${counted(firing.length, 'cause')} ${verb(firing.length, 'fire')}`}${criticalPart(critical, firing.length)}`,
    ...part(inState('unknown').length, 'cannot be told now'),
    ...part(inState('pending').length, 'may still settle'),
    ...part(accepted, `${verb(accepted, 'be')} accepted`),
  ];
  return `${parts.join('; ')}.`;
}

/** `2 of 412 nodes cannot be trusted: 1 differs, 1 is not known.` */
export function nodesSentence({ rows, isWhole }: Known<NodeJson>): string {
  if (!isWhole) return 'Nodes';
  const inState = (wanted: NodeJson['state']) => [...rows.values()].filter(({ state }) => state === wanted).length;
  const [differ, unknown] = [inState('unhealthy'), inState('unknown')];
  if (rows.size === 0) return 'No node is known yet.';
  if (differ + unknown === 0) {
    return rows.size === 1 ? 'The node can be trusted.' : `All ${number(rows.size)} nodes can be trusted.`;
  }
  const parts = [
    ...(differ > 0 ? [`${number(differ)} ${verb(differ, 'differ')} from what the cluster asks for`] : []),
    ...(unknown > 0 ? [`${number(unknown)} ${verb(unknown, 'be')} not known`] : []),
  ];
  return `${number(differ + unknown)} of ${counted(rows.size, 'node')} cannot be trusted: ${parts.join(', ')}.`;
}

/** `20 of 36 Services are served otherwise than they ask for on some node.` */
export function servicesSentence({ rows, isWhole }: Known<ServiceJson>): string {
  if (!isWhole) return 'Services';
  if (rows.size === 0) return 'The cluster has no Services.';
  const services = [...rows.values()];
  const differ = services.filter(({ nodes }) => nodes.drifted > 0).length;
  const unknown = services.filter(({ nodes }) => nodes.drifted === 0 && nodes.unknown > 0).length;
  if (differ + unknown === 0) {
    return rows.size === 1
      ? 'Every node does with the Service what it asks for.'
      : `Every node does with all ${number(rows.size)} Services what they ask for.`;
  }
  if (differ === 0) return `Of ${number(unknown)} of ${counted(rows.size, 'Service')} not all nodes are known.`;
  const sentence = `${number(differ)} of ${counted(rows.size, 'Service')} ${verb(differ, 'be')} served otherwise on some node`;
  return unknown === 0 ? `${sentence}.` : `${sentence}; of ${number(unknown)} more not all nodes are known.`;
}

function criticalPart(critical: number, firing: number): string {
  if (critical === 0) return '';
  if (firing === 1) return ', which is critical';
  return critical === firing ? ', all critical' : `, ${number(critical)} of them critical`;
}

function part(count: number, does: string): readonly string[] {
  return count === 0 ? [] : [`${number(count)} ${does}`];
}

function verb(count: number, infinitive: 'be' | 'differ' | 'fire'): string {
  if (infinitive === 'be') return count === 1 ? 'is' : 'are';
  return count === 1 ? `${infinitive}s` : infinitive;
}

function counted(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function number(count: number): string {
  return count.toLocaleString('en');
}
