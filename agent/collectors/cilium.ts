/**
 * Cilium's word about itself, asked on its agent's unix socket: whether it replaces kube-proxy, and its services. Whoever
 * may connect to that socket may also change Cilium, so the agent has it only where it was given; without it the node's
 * services are unknown, and said to be so.
 */
import { digest } from '../../proto/canonical.ts';
import type { ForwardingReport } from '../../proto/parts.ts';
import type { Clock } from '../clock.ts';
import { type CiliumServices, readCiliumServices, readReplacement } from '../dataplane/cilium.ts';
import { ciliumSocket, type GetResult, type Host } from '../host.ts';
import { type DataplaneReading, nothingRead } from './dataplane-reading.ts';
import { sharedTable } from './shared-table.ts';
import { atMostEvery } from './throttle.ts';

const statusUrl = `http://${ciliumSocket}/v1/healthz`;
const servicesUrl = `http://${ciliumSocket}/v1/service`;
const deadlineMs = 5000;
const everySeconds = 60;

export interface CiliumReading extends DataplaneReading {
  /** Whether Cilium says that it replaces kube-proxy; null = it was not asked, or does not say. */
  readonly replacesKubeProxy: boolean | null;
  /** Why its services are not known; null when they are. */
  readonly unreadBecause: string | null;
}

/** A list that was read, and what it was read from. */
interface Remembered {
  readonly digest: string;
  readonly services: CiliumServices;
  readonly report: ForwardingReport | null;
}

/** Asks one node's Cilium again and again, at most once a minute. */
export class CiliumReader {
  readonly #host: Host;
  readonly #now: () => Date;
  readonly #keepsTable: boolean;
  readonly #ask: () => Promise<CiliumReading>;
  #last: Remembered | null = null;

  /** @param keepsTable whether the table is kept as it is, instead of as leaves shared with the last one. */
  constructor(host: Host, clock: Pick<Clock, 'now' | 'monotonicMs'>, keepsTable: boolean) {
    this.#host = host;
    this.#now = () => clock.now();
    this.#keepsTable = keepsTable;
    this.#ask = atMostEvery(
      everySeconds,
      () => clock.monotonicMs(),
      () => this.#read(),
    );
  }

  /** Only where Cilium shows itself: no other node is asked for it. */
  read(): Promise<CiliumReading> {
    return this.#ask();
  }

  async #read(): Promise<CiliumReading> {
    const status = await this.#host.get(statusUrl, deadlineMs);
    const said = status.ok ? readReplacement(status.body) : null;
    const list = await this.#host.get(servicesUrl, deadlineMs);
    if (!list.ok || list.status !== 200) return unread(said, failureOf(list));
    const { services, report } = this.#remember(list.body);
    if (!services.ok || report === null) {
      return unread(said, `GET ${servicesUrl}: ${services.ok ? 'not read' : services.message}`);
    }
    const collectedAt = this.#now().toISOString();
    return {
      ...nothingRead,
      forwarding: { state: 'ok', value: report, collectedAt },
      // Without it Cilium serves cluster IPs only.
      replacesKubeProxy: said ?? (servesOutside(services.types) ? true : null),
      unreadBecause: null,
    };
  }

  /** Unchanged, the report stays the very same object, so that whoever holds it sees it. */
  #remember(body: string): Remembered {
    const read = digest(body);
    if (this.#last?.digest === read) return this.#last;
    const services = readCiliumServices(body);
    const before = this.#last?.report?.table ?? null;
    const report: ForwardingReport | null = services.ok
      ? {
          mode: 'cilium',
          table: this.#keepsTable ? services.table : sharedTable(services.table, before),
          // The list names Services, and not which of their ports.
          owners: new Map(),
          unlisted: 'cilium',
        }
      : null;
    this.#last = { digest: read, services: services.ok ? { ...services, table: new Map() } : services, report };
    return this.#last;
  }
}

/** Node ports and the like are served by Cilium only where it replaces kube-proxy. */
function servesOutside(types: ReadonlySet<string>): boolean {
  return types.has('NodePort') || types.has('ExternalIPs') || types.has('LoadBalancer');
}

function unread(replacesKubeProxy: boolean | null, unreadBecause: string): CiliumReading {
  return { ...nothingRead, replacesKubeProxy, unreadBecause };
}

function failureOf(result: GetResult): string {
  return result.ok ? `GET ${servicesUrl}: status ${result.status}` : result.message;
}
