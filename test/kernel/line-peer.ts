/** A program of these tests as a process in a namespace: each order is a line of JSON, and is answered by one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export class LinePeer<Order, Answer> {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #program: string;

  /** @param program beside this file; it types what it says, and ends when its stdin does. */
  constructor(namespace: string, program: string, args: readonly (string | number)[]) {
    const command = ['netns', 'exec', namespace, process.execPath, join(import.meta.dirname, program)];
    this.#program = program;
    this.#child = spawn('ip', [...command, ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('a piped child has a stdout');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** One at a time. @throws where the program has ended; what it said to that stands on stderr. */
  async do(order: Order): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
    const { value } = await this.#lines.next();
    if (value === undefined) throw new Error(`${this.#program} has ended`);
    // Nobody else writes there.
    return JSON.parse(value) as Answer;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await exited;
  }
}
