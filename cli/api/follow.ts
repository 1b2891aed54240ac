/** `--watch`: a list, and then what changes in it, for as long as somebody reads. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Context } from '../context.ts';
import type { OutputFormat } from '../output.ts';
import { paints } from '../paints.ts';
import { done, type Outcome } from '../refusal.ts';
import { urlOf } from './client.ts';
import type { Connection } from './connection.ts';
import { openEvents, type ServerEvent } from './event-stream.ts';
import { ChangePrinter, type ItemView } from './item-view.ts';
import type { Listed } from './lists.ts';

/**
 * Milliseconds before each further attempt to reach an aggregator that went away; after the last it is given up. They
 * outlast a pod that is replaced on another node, with its volume.
 */
const pauses: readonly number[] = [500, 1_000, 2_000, 5_000, ...Array.from({ length: 12 }, () => 10_000)];

export interface Followed<T> {
  readonly view: ItemView<T>;
  readonly output: OutputFormat;
  /** The list as it is now. */
  list(): Promise<Outcome<Listed<T>>>;
  /** The things that look different after an event; `isShown` tells whether a thing was printed. */
  changed(event: ServerEvent, isShown: (name: string) => boolean): Promise<readonly T[]>;
  /** What became of a thing that was printed and is not in the list any more; null where nobody knows. */
  lookUp(name: string): Promise<T | null>;
}

/**
 * Prints until nobody reads any more.
 * @returns a refusal when the aggregator cannot be reached, or not any more.
 */
export async function follow<T>(
  followed: Followed<T>,
  connection: Connection,
  { terminal }: Pick<Context, 'terminal'>,
): Promise<Outcome<null>> {
  const printer = new ChangePrinter(followed.view, followed.output, paints(terminal.colours));
  const clock = { ahead: 0 };
  for (let attempt = 0, isFirst = true; ; isFirst = false) {
    const stream = await openEvents(connection, urlOf(connection.url, 'api/v1/events'));
    if (!stream.ok && (isFirst || attempt >= pauses.length)) return stream;
    if (stream.ok) {
      for await (const event of stream.value) {
        const items = await afterEvent(event, followed, printer, clock);
        if (!items.ok) {
          if (isFirst) return items;
          break;
        }
        attempt = 0;
        await terminal.print(printer.changed(items.value, Date.now() + clock.ahead));
        if (terminal.isClosed()) return done(null);
      }
    }
    if (attempt === 0) await terminal.warn(`plumbline: live updates of ${connection.url} stopped, trying again\n`);
    await pause(pauses[attempt] ?? 0);
    attempt += 1;
  }
}

async function afterEvent<T>(
  event: ServerEvent,
  followed: Followed<T>,
  printer: ChangePrinter<T>,
  clock: { ahead: number },
): Promise<Outcome<readonly T[]>> {
  if (event.kind !== 'snapshot') return done(await followed.changed(event, (name) => printer.knows(name)));
  const listed = await followed.list();
  if (!listed.ok) return listed;
  clock.ahead = listed.value.at - Date.now();
  const { items } = listed.value;
  const listedNames = new Set(items.map((item) => followed.view.nameOf(item)));
  const missing: T[] = [];
  for (const name of printer.names.filter((known) => !listedNames.has(known))) {
    const found = await followed.lookUp(name);
    if (found === null) printer.forget(name);
    else missing.push(found);
  }
  return done([...items, ...missing]);
}
