/** The whole state of the cluster in one sentence: what somebody reads who was just woken. */
import type { TrackedFinding } from '../model/lifecycle.ts';
import type { NodeRecord } from '../model/record.ts';

/** As many nodes are named; of more, their number is what matters. */
const mostNamed = 3;
const dayMs = 86_400_000;

export interface Seen {
  readonly nodes: readonly Pick<NodeRecord, 'name' | 'state'>[];
  readonly findings: readonly Pick<TrackedFinding, 'node' | 'state' | 'subject' | 'since' | 'parent'>[];
  /** How many there are. */
  readonly services: number;
  /** Unix milliseconds. */
  readonly now: number;
}

/** `1 of 3 nodes differs from what the cluster asks for: node-b since 02:14 UTC, 20 Services. 1 node is not known.` */
export function overviewSentence(seen: Seen): string {
  const { nodes, findings } = seen;
  if (nodes.length === 0) return 'No node is known yet.';
  const unknown = nodes.filter(({ state }) => state === 'unknown').length;
  if (unknown === nodes.length) return `Nothing is known of ${allOf(unknown)} yet.`;
  const causes = findings.filter(({ parent }) => parent === null);
  const ofCluster = causes.filter(({ node, state }) => node === null && state === 'firing').length;
  const pending = causes.filter(({ state }) => state === 'pending').length;
  return [
    knownSentence(seen, unknown),
    ...(unknown > 0 ? [`${counted(unknown, 'node is', 'nodes are')} not known.`] : []),
    ...(ofCluster > 0 ? [`${counted(ofCluster, 'finding is', 'findings are')} about the cluster's own objects.`] : []),
    ...(pending > 0 ? [`${counted(pending, 'difference', 'differences')} may still settle.`] : []),
  ].join(' ');
}

function knownSentence(seen: Seen, unknown: number): string {
  const { nodes, services } = seen;
  const differing = nodes.filter(({ state }) => state === 'unhealthy').map(({ name }) => name);
  if (differing.length > 0) {
    const verb = differing.length === 1 ? 'differs' : 'differ';
    const of = `${number(differing.length)} of ${counted(nodes.length, 'node', 'nodes')}`;
    return `${of} ${verb} from what the cluster asks for: ${differenceText(differing, seen)}.`;
  }
  const healthy = nodes.length - unknown;
  const who =
    unknown === 0
      ? `${capital(allOf(healthy))} ${healthy === 1 ? 'does' : 'do'}`
      : `${number(healthy)} of ${number(nodes.length)} nodes do`;
  return `${who} what the cluster asks for; ${counted(services, 'Service', 'Services')} checked.`;
}

/** `node-b since 02:14 UTC, 20 Services`. */
function differenceText(differing: readonly string[], { findings, now }: Seen): string {
  const firing = findings.filter(({ node, state }) => state === 'firing' && node !== null && differing.includes(node));
  const names = [...differing].sort();
  const more = names.length - mostNamed;
  const named = more > 0 ? `${names.slice(0, mostNamed).join(', ')} and ${number(more)} more` : names.join(', ');
  const [first] = firing.map(({ since }) => since).sort();
  const services = new Set(
    firing.flatMap(({ subject }) => (subject.kind === 'Service' ? [`${subject.namespace}/${subject.name}`] : [])),
  );
  const since = first === undefined ? '' : ` since ${clock(first, now)}`;
  return `${named}${since}${services.size === 0 ? '' : `, ${counted(services.size, 'Service', 'Services')}`}`;
}

/** `the node`, `all 412 nodes`. */
function allOf(count: number): string {
  return count === 1 ? 'the node' : `all ${number(count)} nodes`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** `02:14 UTC`, with its date where that was more than a day ago. */
function clock(time: string, now: number): string {
  const hour = `${time.slice(11, 16)} UTC`;
  return now - Date.parse(time) < dayMs ? hour : `${time.slice(0, 10)} ${hour}`;
}

function counted(count: number, one: string, many: string): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

function number(count: number): string {
  return count.toLocaleString('en-US');
}
