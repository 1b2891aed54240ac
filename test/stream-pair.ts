/** The agent's session and a plain aggregator, joined without a network. */
import { expect } from 'vitest';
import { type Effect, Session } from '../agent/stream/session.ts';
import type { NodeReading } from '../agent/reading.ts';
import type { NodeParts } from '../proto/parts.ts';
import { partContent } from '../proto/wire/part.ts';
import { type Answer, MirrorAggregator } from './mirror-aggregator.ts';
import { loopFigures, noWays } from './reading-builders.ts';
import { everyone, forwardTo, reported, type Row } from './view-builders.ts';

/** A Service with two endpoints, and the same with one of them. */
export const web: Row = ['tcp 10.96.0.1:80', everyone(forwardTo('10.244.1.2:8080', '10.244.2.2:8080'))];
export const scaled: Row = ['tcp 10.96.0.1:80', everyone(forwardTo('10.244.1.2:8080'))];
export const dns: Row = ['udp 10.96.0.10:53', everyone(forwardTo('10.244.1.3:53'))];

/** An agent and an aggregator with a wire between them that carries a message when told. */
export class Pair {
  readonly session = new Session({
    epoch: new Uint8Array(16).fill(7),
    agentVersion: '0.1.0',
    nodeName: 'node-a',
  });
  readonly mirror = new MirrorAggregator();
  readonly effects: Effect[] = [];
  #answers: Answer[] = [];

  constructor() {
    this.session.begin();
  }

  reconnect(): void {
    this.session.begin();
    this.mirror.reconnect();
    this.#answers = [];
  }

  command(message: Answer | undefined): Effect {
    return this.session.take({ message });
  }

  beat(): void {
    this.session.beat(loopFigures, Date.parse('2026-11-22T10:00:10Z'), noWays);
  }

  /** Lets the agent say so many messages. @returns how many it had to say. */
  say(most = Number.POSITIVE_INFINITY): number {
    for (let said = 0; ; said++) {
      const message = said < most ? this.session.next(1_000) : null;
      if (message === null) return said;
      const answer = this.mirror.take(message);
      if (answer !== null) this.#answers.push(answer);
    }
  }

  /** Lets the aggregator answer, and ask for what it lacks. */
  answer(): void {
    const want = this.mirror.want();
    for (const answer of [...this.#answers.splice(0), ...(want === null ? [] : [want])]) {
      this.effects.push(this.command(answer));
    }
  }

  /** Lets both talk until they have nothing more to say. @returns what was heard meanwhile. */
  talk(): readonly string[] {
    for (let rounds = 0; rounds < 50; rounds++) {
      this.say();
      if (this.mirror.want() === null && this.#answers.length === 0) return this.mirror.heard.splice(0);
      this.answer();
    }
    throw new Error(`no end of it: ${this.mirror.heard.slice(-20).join(', ')}`);
  }

  read(next: NodeReading): readonly string[] {
    this.session.observe(next);
    return this.talk();
  }
}

function tableOf({ leaves }: NodeReading): ReadonlyMap<unknown, unknown> | null {
  return leaves && new Map(leaves.flatMap(({ entries }) => [...entries]));
}

function partsOf({ parts, profile }: NodeReading): Readonly<Record<string, string>> {
  const all = { ...parts, profile: reported(profile) };
  return Object.fromEntries(
    Object.entries(all)
      .sort()
      .flatMap(([name, part]) => {
        const content = partContent(name as keyof NodeParts, part);
        return content === null ? [] : [[name, content.json]];
      }),
  );
}

/** All that the aggregator knows is what was read. */
export function expectMirrored({ mirror }: Pair, last: NodeReading): void {
  expect(mirror.parts()).toEqual(partsOf(last));
  expect(mirror.table()).toEqual(tableOf(last));
  expect(mirror.lacking()).toEqual([]);
}

/** A pair that has talked of these. */
export function told(...readings: readonly NodeReading[]): Pair {
  const pair = new Pair();
  for (const one of readings) pair.read(one);
  return pair;
}
