/** Since when real servers take no new clients, and when their connections last became fewer. */
import type { DrainedServer } from '../../proto/parts.ts';

interface Watched {
  readonly sinceMs: number;
  readonly connections: number;
  readonly fellMs: number;
}

type DrainTimes = Pick<DrainedServer, 'forSeconds' | 'sinceFallSeconds'>;

/** Times are told in whole minutes: a report that differs with every reading would be sent with every reading. */
const stepSeconds = 60;

/** Remembers the drained servers of the last reading. */
export class DrainClock {
  #watched = new Map<string, Watched>();
  #next = new Map<string, Watched>();

  /** Begins a reading: servers that it does not name are forgotten. */
  begin(): void {
    this.#watched = this.#next;
    this.#next = new Map();
  }

  /** @param name of virtual and real server. @param nowMs of a clock that never goes back. */
  see(name: string, connections: number, nowMs: number): DrainTimes {
    const before = this.#watched.get(name) ?? { sinceMs: nowMs, connections, fellMs: nowMs };
    const fellMs = connections < before.connections ? nowMs : before.fellMs;
    this.#next.set(name, { sinceMs: before.sinceMs, connections, fellMs });
    return { forSeconds: since(before.sinceMs, nowMs), sinceFallSeconds: since(fellMs, nowMs) };
  }
}

function since(thenMs: number, nowMs: number): number {
  return Math.floor((nowMs - thenMs) / 1000 / stepSeconds) * stepSeconds;
}
