/**
 * UDP flows out of the listing of the kernel's connection table: conntrack(8) with `-o extended`, or
 * /proc/net/nf_conntrack, which prints the same lines with more blanks in them. A flow has two directions; where the
 * kernel translates it, replies come from another address than the client sent to:
 *
 *     ipv4     2 udp      17 29 src=10.244.1.2 dst=10.96.0.10 sport=41000 dport=53 [UNREPLIED] src=10.244.2.7 dst=10.244.1.2 sport=5353 dport=41000 mark=0 use=1
 *     ipv6     10 udp      17 src=fd00::2 dst=fd00:10:96::a sport=41000 dport=53 src=fd00::7 dst=fd00::2 sport=53 dport=41000 [OFFLOAD] mark=0 use=2
 *     ipv4     2 udp      17 170 src=10.244.1.2 dst=10.96.0.10 sport=41001 dport=53 packets=2 bytes=120 src=10.244.2.7 dst=10.244.1.2 sport=5353 dport=41001 packets=2 bytes=280 [ASSURED] mark=0 zone=7 use=1
 *
 * A node may have hundreds of thousands of them: each line is looked at once, and only counts are kept.
 */
import { type Address, parseAddress } from '../../proto/address.ts';
import type { UdpFlow } from '../../proto/parts.ts';

/** Which flows are counted. */
export interface FlowFilter {
  /** Ports of all destinations that are wanted: most lines end here. */
  readonly ports: ReadonlySet<number>;
  wants(destination: Address, port: number): boolean;
}

export type FlowCount =
  | { readonly ok: true /** Each set of ends once, in no order. */; readonly flows: readonly UdpFlow[] }
  | { readonly ok: false; readonly message: string };

/** More different ends than this are no Services any more. */
const mostFlows = 20_000;
/** Addresses come again and again. */
const mostKnownAddresses = 10_000;
const longestLine = 4096;

const udpLine =
  /^ipv([46]) +\d+ udp +17 (?:\d+ )?src=\S+ dst=(\S+) sport=\d{1,5} dport=(\d{1,5}) ((?:[a-z-]+=\d+ |\[UNREPLIED\] )*)src=(\S+) dst=\S+ sport=(\d{1,5}) dport=\d{1,5}(?: |$)/;
const anyLine = /^ipv[46] +\d+ \S+ +\d+ /;
/** kube-proxy's rules work in zone 0; another zone is another table of somebody else. */
const otherZone = / zone(?:-orig|-reply)?=[1-9]/;

type CountedFlow = { -readonly [member in keyof UdpFlow]: UdpFlow[member] };

/** Takes a listing in pieces, as they come, and counts the flows that the filter wants. */
export class FlowListing {
  readonly #filter: FlowFilter;
  readonly #flows = new Map<string, CountedFlow>();
  readonly #addresses = new Map<string, Address | null>();
  #rest = '';
  #lines = 0;
  #failure: string | null = null;

  constructor(filter: FlowFilter) {
    this.#filter = filter;
  }

  /** Lines so far. */
  get lines(): number {
    return this.#lines;
  }

  push(piece: Uint8Array): void {
    if (this.#failure !== null) return;
    const text = this.#rest + Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('latin1');
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      this.#take(text.slice(start, end));
      start = end + 1;
    }
    this.#rest = text.slice(start);
    if (this.#rest.length > longestLine) this.#fail(`is longer than ${longestLine} bytes`);
  }

  /** What was counted, once all of the listing came. */
  end(): FlowCount {
    if (this.#failure === null && this.#rest !== '') this.#fail('is cut off');
    if (this.#failure !== null) return { ok: false, message: this.#failure };
    return { ok: true, flows: [...this.#flows.values()] };
  }

  #take(line: string): void {
    if (this.#failure !== null) return;
    this.#lines++;
    const found = udpLine.exec(line);
    if (found === null) {
      if (!anyLine.test(line) || line.includes(' udp ')) this.#fail(`is no flow: ${line.slice(0, 80)}`);
      return;
    }
    const port = Number(found[3]);
    if (!this.#filter.ports.has(port) || otherZone.test(line)) return;
    const destination = this.#address(found[2] ?? '');
    const backend = this.#address(found[5] ?? '');
    if (destination === null || backend === null) this.#fail(`has no addresses: ${line.slice(0, 80)}`);
    else if (this.#filter.wants(destination, port)) this.#count(found, { destination, port, backend });
  }

  #count(found: RegExpExecArray, ends: Pick<UdpFlow, 'destination' | 'port' | 'backend'>): void {
    const backendPort = Number(found[6]);
    const key = `${ends.destination} ${ends.port} ${ends.backend} ${backendPort}`;
    let flow = this.#flows.get(key);
    if (flow === undefined) {
      if (this.#flows.size === mostFlows) {
        this.#fail(`is of more than ${mostFlows} different flows`);
        return;
      }
      flow = { family: found[1] === '4' ? 'ipv4' : 'ipv6', ...ends, backendPort, flows: 0, unreplied: 0 };
      this.#flows.set(key, flow);
    }
    flow.flows++;
    if (found[4]?.includes('[UNREPLIED]') === true) flow.unreplied++;
  }

  /** In canonical form: the kernel and conntrack write addresses of IPv6 differently. */
  #address(text: string): Address | null {
    let address = this.#addresses.get(text);
    if (address === undefined) {
      if (this.#addresses.size === mostKnownAddresses) this.#addresses.clear();
      address = parseAddress(text);
      this.#addresses.set(text, address);
    }
    return address;
  }

  #fail(what: string): void {
    this.#failure ??= `line ${this.#lines + (this.#rest === '' ? 0 : 1)} ${what}`;
  }
}
