/** What every part of the story needs: where it is told, what it plays on, and ways to wait for what is to happen. */
import { setTimeout as pause } from 'node:timers/promises';
import type { FindingJson } from '../../aggregator/http/schemas/finding.ts';
import { type Paints, paints } from '../paints.ts';
import { done, type Outcome, refused } from '../refusal.ts';
import type { Terminal } from '../terminal.ts';
import type { ChildProgram } from './child-program.ts';
import { type FindingStep, FollowedAggregator } from './followed-aggregator.ts';
import type { Narrator } from './narrator.ts';
import type { Stage } from './stage.ts';
import { stepLines } from './step-lines.ts';

export interface TellingOptions {
  readonly terminal: Terminal;
  readonly story: Narrator;
  readonly stage: Stage;
  /** Aborted when the user wants no more: then nothing is told, and every waiting ends. */
  readonly signal: AbortSignal;
}

export interface Wait {
  /** What is waited for, as in `waiting until ...`. */
  readonly until: string;
  readonly holds: () => boolean;
  /** Longer than this is worth a word. */
  readonly usualSeconds: number;
  /** Longer than this is a failure. */
  readonly mostSeconds: number;
}

/** Steps of one look come one after the other; so long a silence means that they are all told. */
const quietMs = 300;
/** Of a program that ended, and of each where none did. */
const linesOfOne = 12;
const linesOfEach = 3;

export class Telling {
  readonly terminal: Terminal;
  readonly stage: Stage;
  readonly signal: AbortSignal;
  readonly story: Narrator;
  readonly paint: Paints;
  readonly followed: FollowedAggregator;
  /** Every finding that was heard of, as it was last. */
  readonly heard = new Map<string, FindingJson>();
  /** Settles when the demo cannot go on: a program or the stream of events ended, or the user wants no more. */
  readonly whenBroken: Promise<Outcome<never>>;
  #whenOf: (at: number) => string = clockTime;
  #steps: FindingStep[] = [];
  #timer: NodeJS.Timeout | undefined;
  #printing: Promise<void> = Promise.resolve();

  constructor({ terminal, story, stage, signal }: TellingOptions) {
    this.terminal = terminal;
    this.stage = stage;
    this.signal = signal;
    this.story = story;
    this.paint = paints(terminal.colours);
    this.followed = new FollowedAggregator(stage.server);
    this.followed.onChange((step) => {
      if (step !== null) this.#hear(step);
    });
    this.whenBroken = this.#untilBroken();
  }

  /** From now on what happens is told with its distance from a moment, in Unix ms; with null by the clock. */
  countFrom(moment: number | null): void {
    this.#whenOf = moment === null ? clockTime : (at) => `+${((at - moment) / 1000).toFixed(1)} s`;
  }

  /** Tells what happened just now. */
  async happened(line: string): Promise<void> {
    await this.story.happened(this.#whenOf(Date.now()), [line]);
  }

  /** Gives the reader time. */
  async rest(seconds: number): Promise<void> {
    await pause(seconds * 1000, undefined, { signal: this.signal }).catch(() => undefined);
  }

  /** Waits until something holds, and all that was heard meanwhile is told. Refused when it does not come about. */
  async wait({ until, holds, usualSeconds, mostSeconds }: Wait): Promise<Outcome<null>> {
    const over = new AbortController();
    const late = async (seconds: number) => {
      await pause(seconds * 1000, undefined, { signal: over.signal });
    };
    const slow = late(usualSeconds)
      .then(() => this.story.say(`(Waiting until ${until}: ${mostSeconds - usualSeconds} s more at most.)`))
      .catch(() => undefined);
    const held = new Promise<Outcome<null>>((resolve) => {
      const look = () => {
        if (holds()) resolve(done(null));
      };
      over.signal.addEventListener('abort', this.followed.onChange(look));
      look();
    });
    const tooLate = late(mostSeconds).then(() => this.failed(`it took more than ${mostSeconds} s until ${until}`));
    // The clock of a wait that is over is stopped by an abort.
    tooLate.catch(() => undefined);
    const outcome = await Promise.race([held, tooLate, this.whenBroken]);
    over.abort();
    await slow;
    // What holds may hold in the midst of what is told together.
    while (outcome.ok && this.#steps.length > 0 && !this.signal.aborted) await this.rest(quietMs / 1000);
    await this.#tellSteps();
    return outcome;
  }

  /** The demo's promise did not hold: rather no demo than one that shrugs. What programs wrote last is shown. */
  failed(cameBack: string, programs: readonly ChildProgram[] = this.stage.programs): Outcome<never> {
    const logs = programs.flatMap((program) => {
      const lines = program.lastLines(programs.length === 1 ? linesOfOne : linesOfEach);
      return lines.length === 0 ? [] : [`The ${program.name} wrote last:`, ...lines.map((line) => `  ${line}`)];
    });
    return refused('show the demo', cameBack, [...logs, 'Please report it with all of this and uname -r.'].join('\n'));
  }

  #untilBroken(): Promise<Outcome<never>> {
    const interrupted = new Promise<Outcome<never>>((resolve) => {
      const end = () => resolve(refused('show the demo', 'it was interrupted', 'Start it again.'));
      if (this.signal.aborted) end();
      this.signal.addEventListener('abort', end);
    });
    const programs = this.stage.programs.map(async (program) =>
      this.failed(`the ${program.name} ended: ${await program.whenEnded}`, [program]),
    );
    const stream = this.followed.whenEnded.then(async (reason) => {
      // It ends with the aggregator, whose own end says more.
      await this.rest(1);
      return this.failed(reason);
    });
    return Promise.race([interrupted, ...programs, stream]);
  }

  #hear(step: FindingStep): void {
    this.heard.set(step.finding.fingerprint, step.finding);
    this.#steps.push(step);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#tellSteps(), quietMs);
  }

  #tellSteps(): Promise<void> {
    const steps = this.#steps;
    this.#steps = [];
    const [first] = steps;
    if (first !== undefined) {
      const when = this.#whenOf(Date.parse(first.transition.at));
      const lines = stepLines(steps, this.heard, this.paint);
      this.#printing = this.#printing.then(() => this.story.happened(when, lines));
    }
    return this.#printing;
  }
}

function clockTime(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}
