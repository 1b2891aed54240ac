/**
 * Answers other agents' probes, at one socket for each of the node's own addresses: an answer then comes from the very
 * address that was asked. One socket for all would answer from whichever address the route back prefers, see ip(7).
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { type Address, familyOf, parseAddress } from '../../proto/address.ts';
import type { ProbesReport } from '../../proto/parts.ts';
import { contains, type PrefixSet } from '../../proto/prefixes.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { AnswerBudget } from './answer-budget.ts';
import { ProbesHeard } from './heard-probes.ts';
import { answerTo, smallBytes } from './packet.ts';

export interface ListenerOptions {
  readonly port: number;
  /** Who is answered. */
  readonly ranges: PrefixSet;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

/** Datagrams since the start, by what became of them. */
export interface ListenerCounts {
  readonly answered: number;
  /** From outside of the ranges. */
  readonly strangers: number;
  /** No question. */
  readonly misshapen: number;
  /** Questions beyond what is answered in a second. */
  readonly tooMany: number;
}

interface OpenSocket {
  readonly socket: Socket;
  isBound: boolean;
}

export class ProbeListener {
  readonly #options: ListenerOptions;
  readonly #sockets = new Map<Address, OpenSocket>();
  readonly #heard = new ProbesHeard();
  readonly #budget = new AnswerBudget();
  /** Addresses where nothing can listen, each told once. */
  readonly #complained = new Set<string>();
  #counts: ListenerCounts = { answered: 0, strangers: 0, misshapen: 0, tooMany: 0 };

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Where probes are answered now, sorted. */
  get listening(): readonly Address[] {
    return [...this.#sockets].flatMap(([address, { isBound }]) => (isBound ? [address] : [])).sort();
  }

  get counts(): ListenerCounts {
    return this.#counts;
  }

  heard(): ProbesReport['heard'] {
    return this.#heard.report(this.#options.clock.monotonicMs());
  }

  /** Listens at these addresses and at no others. What cannot be bound is tried again the next time. */
  listenAt(addresses: readonly Address[]): void {
    for (const [address, { socket }] of this.#sockets) {
      if (addresses.includes(address)) continue;
      this.#sockets.delete(address);
      socket.close();
    }
    for (const address of addresses) if (!this.#sockets.has(address)) this.#open(address);
  }

  close(): void {
    this.listenAt([]);
  }

  #open(address: Address): void {
    const { port } = this.#options;
    const type = familyOf(address) === 'ipv6' ? 'udp6' : 'udp4';
    const socket = createSocket({ type, ipv6Only: type === 'udp6' });
    const open: OpenSocket = { socket, isBound: false };
    this.#sockets.set(address, open);
    socket.on('listening', () => {
      open.isBound = true;
      this.#complained.delete(address);
    });
    socket.on('message', (bytes, from) => this.#take(bytes, from, { address, socket }));
    socket.on('error', (cause) => {
      if (this.#sockets.get(address) !== open) return;
      this.#sockets.delete(address);
      socket.close();
      this.#complain(address, cause);
    });
    socket.bind({ address, port, exclusive: true });
  }

  #take(bytes: Uint8Array, sender: RemoteInfo, own: { readonly address: Address; readonly socket: Socket }): void {
    const from = parseAddress(sender.address);
    const answer = answerTo(bytes);
    const fate = this.#fateOf({ from: sender.port === 0 ? null : from, to: own.address }, answer);
    this.#counts = { ...this.#counts, [fate]: this.#counts[fate] + 1 };
    // That an answer could not be sent, the peer tells: it gets none.
    if (fate === 'answered') own.socket.send(answer ?? '', sender.port, sender.address, () => undefined);
  }

  /** @param from null where it is no address and port that can be answered: packets written by hand may have port 0. */
  #fateOf(
    way: { readonly from: Address | null; readonly to: Address },
    answer: Uint8Array | null,
  ): keyof ListenerCounts {
    const { ranges, clock } = this.#options;
    const { from, to } = way;
    if (from === null || !contains(ranges, from)) return 'strangers';
    if (answer === null) return 'misshapen';
    const now = clock.monotonicMs();
    this.#heard.note({ from, to }, answer.length === smallBytes ? 'small' : 'full', now);
    return this.#budget.spend(from, now) ? 'answered' : 'tooMany';
  }

  /** Addresses come before they can be used, and stay in the list while they go: so once each. */
  #complain(address: Address, cause: Error): void {
    if (this.#complained.has(address)) return;
    this.#complained.add(address);
    const { log, port } = this.#options;
    log.warn({ address, port, reason: cause.message }, 'cannot answer probes at this address');
  }
}
