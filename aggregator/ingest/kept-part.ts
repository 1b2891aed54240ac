/** One part as it came in, read once and shown with the time of each reading that confirms it. */
import type { NodeParts, Part, PartName } from '../../proto/parts.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import { type PartValues, type ReadPart, readPart } from './part-schemas.ts';

export class KeptPart {
  readonly name: PartName;
  readonly digest: string;
  /** Why it does not fit its form; null when it does. */
  readonly misfit: string | null;
  /** The last sweep that found it in use. */
  usedIn = 0;
  readonly #content: ReadPart<PartValues[PartName]>;

  constructor(name: PartName, digest: string, json: string) {
    this.name = name;
    this.digest = digest;
    this.#content = readPart(name, json);
    this.misfit = this.#content.state === 'misfit' ? this.#content.message : null;
  }

  /** What a change of this part is applied to; null where what came in was not kept. */
  json(): string | null {
    const { state } = this.#content;
    if (state === 'misfit') return null;
    if (state === 'failed') return JSON.stringify({ state, reason: this.#content.reason });
    return JSON.stringify({ state, value: this.#content.value });
  }

  /** The part as a report has it. */
  asOf<Name extends PartName>(name: Name, collectedAt: string): Part<PartValues[Name]> {
    const content = this.#content;
    if (content.state === 'misfit') return { state: 'failed', reason: `part ${name} did not fit: ${content.message}` };
    if (content.state === 'failed') return content;
    return { state: 'ok', value: content.value as PartValues[Name], collectedAt };
  }
}

/** The forwarding part as the rest of the aggregator knows it: with a table, which travels as leaves and stays empty. */
export function withEmptyTable(part: Part<PartValues['forwarding']>): NodeParts['forwarding'] {
  return part.state === 'ok' ? { ...part, value: { ...part.value, table: new Map(), owners: new Map() } } : part;
}

/** What is known of a node whose profile did not come. */
export function unknownProfile(reason: string): NodeProfile {
  const unknown = { source: 'unknown', reason } as const;
  return {
    mode: unknown,
    kubeProxyVersion: unknown,
    nodeName: unknown,
    families: [],
    localAddresses: unknown,
    nodePortAddresses: unknown,
    localDetector: { ipv4: unknown, ipv6: unknown },
    masqueradeAll: unknown,
    localhostNodePorts: unknown,
    markBit: unknown,
    hairpin: unknown,
    refusesOwnFirst: unknown,
  };
}
