/** What the process itself costs, and whether its event loop turns. */
import { type ELDHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Figure } from '../model/record.ts';

/** Milliseconds between two looks at the loop. It is part of what is measured, and is taken off again. */
const resolutionMs = 10;
/** Delays are told of at least this time. */
const windowMs = 60_000;

interface Delays {
  readonly p99Seconds: number;
  readonly maxSeconds: number;
}

export class ProcessFigures {
  readonly #version: string;
  readonly #now: () => number;
  readonly #histogram: ELDHistogram;
  #begunAt: number;
  #before: Delays = { p99Seconds: 0, maxSeconds: 0 };

  /** Begins to watch the event loop. @param now Unix milliseconds. */
  constructor(version: string, now: () => number) {
    this.#version = version;
    this.#now = now;
    this.#begunAt = now();
    this.#histogram = monitorEventLoopDelay({ resolution: resolutionMs });
    this.#histogram.enable();
  }

  /** Figures of this moment; delays are those of the last one to two minutes, where it is asked at least that often. */
  figures(): readonly Figure[] {
    const { p99Seconds, maxSeconds } = this.#delays();
    const { user, system } = process.cpuUsage();
    return [
      figure('plumbline_build_info', 'The running version; always 1.', 1, { version: this.#version }),
      figure('plumbline_process_resident_memory_bytes', 'Memory that the process holds.', process.memoryUsage.rss()),
      {
        name: 'plumbline_process_cpu_seconds_total',
        help: 'Processor time that the process has used.',
        kind: 'counter',
        value: (user + system) / 1e6,
      },
      figure('plumbline_event_loop_delay_p99_seconds', 'Delay that 99 % of turns of the loop stay below.', p99Seconds),
      figure('plumbline_event_loop_delay_max_seconds', 'Longest delay of a turn of the loop.', maxSeconds),
    ];
  }

  /** Stops watching. */
  close(): void {
    this.#histogram.disable();
  }

  /** Two scrapers may ask at different times: so what was seen stays for a whole further window. */
  #delays(): Delays {
    const current: Delays = {
      p99Seconds: seconds(this.#histogram.percentile(99)),
      maxSeconds: seconds(this.#histogram.max),
    };
    const told: Delays = {
      p99Seconds: Math.max(current.p99Seconds, this.#before.p99Seconds),
      maxSeconds: Math.max(current.maxSeconds, this.#before.maxSeconds),
    };
    if (this.#now() - this.#begunAt >= windowMs) {
      this.#before = current;
      this.#begunAt = this.#now();
      this.#histogram.reset();
    }
    return told;
  }
}

/** An empty histogram has no percentile above 0. */
function seconds(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - resolutionMs / 1e3);
}

function figure(name: string, help: string, value: number, labels: Readonly<Record<string, string>> = {}): Figure {
  return { name, help, kind: 'gauge', labels, value };
}
