import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const command = join(import.meta.dirname, '../../bin/plumbline');

/** A demo as a process, with a folder for temporary files that nobody else uses. */
class Demo {
  readonly #folder = mkdtempSync(join(tmpdir(), 'plumbline-test-demo-'));
  readonly #child: ChildProcess;
  readonly ended: Promise<number | string>;
  stdout = '';
  stderr = '';

  constructor(...args: readonly string[]) {
    const env = { PATH: process.env.PATH, TMPDIR: this.#folder };
    this.#child = spawn(command, ['demo', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (text) => {
      this.stdout += text;
    });
    this.#child.stderr?.on('data', (text) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => resolve(code ?? String(signal)));
    });
    demos.push(this);
  }

  /** Until it has told this, or is over. */
  async told(text: string): Promise<void> {
    const isOver = this.ended.then(() => true);
    while (!this.stdout.includes(text)) {
      const pause = new Promise<boolean>((resolve) => {
        setTimeout(() => resolve(false), 20);
      });
      if (await Promise.race([pause, isOver])) return;
    }
  }

  end(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Lines that say where the story is and what became of nodes and findings; without their times. */
  get course(): readonly string[] {
    return this.#telling.filter((line) => !isOfEdit.test(line) && !isBelow.test(line) && !isOfOldLinks.test(line));
  }

  /** How many findings below the stale node's were told, by what became of them. They come at once or one look later. */
  get below(): Readonly<Record<string, number>> {
    const numbers: Record<string, number> = {};
    let kind = '';
    for (const line of this.#telling) {
      kind = /^(pending|firing|resolved) /.exec(line)?.[1] ?? kind;
      const [, told] = isBelow.exec(line) ?? [];
      if (told !== undefined) numbers[kind] = (numbers[kind] ?? 0) + Number(told);
    }
    return numbers;
  }

  /** What became of the finding of the node that somebody edits: it comes before the others' steps or after them. */
  get courseOfEdit(): readonly string[] {
    return this.#telling.filter((line) => isOfEdit.test(line));
  }

  get #telling(): readonly string[] {
    const told = [/^\d\. /, /^ {2}node-\w +(iptables|nftables|is unknown)/, /^ {2}\+[\d.]+ s /, /^Everything/];
    const steps = [/^ +(pending|firing|resolved) /, / below (it|critical)/];
    return this.stdout
      .split('\n')
      .filter((line) => [...told, ...steps].some((form) => form.test(line)))
      .map((line) => line.trim().replace(/^\+[\d.]+ s +/, ''));
  }

  /** Of a program in its table. */
  pidOf(program: string): number {
    return Number(new RegExp(`^  ${program} +(\\d+)`, 'm').exec(this.stdout)?.[1]);
  }

  /** Programs, namespaces and files that should be gone. */
  get leftBehind(): readonly string[] {
    const namespaces = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout.split('\n');
    const pids = [...this.stdout.matchAll(/^ {2}(?:aggregator|agent of \S+|kube-proxy of \S+) +(\d+)/gm)];
    return [
      ...namespaces.filter((line) => line.startsWith(`plumbline-demo-${this.#child.pid}-`)),
      ...pids.filter(([, pid]) => isThere(Number(pid))).map(([line]) => line),
      ...readdirSync(this.#folder),
    ];
  }

  /** Whatever became of it. */
  remove(): void {
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const demos: Demo[] = [];

afterAll(async () => {
  for (const demo of demos) demo.end('SIGTERM');
  await Promise.all(demos.map(({ ended }) => ended));
  for (const demo of demos) demo.remove();
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const course = [
  '1. A small cluster',
  '2. Every node reports',
  'node-a   iptables   healthy   64          64        0         0         0',
  'node-b   iptables   healthy   64          64        0         0         0',
  'node-c   nftables   healthy   64          64        0         0         0',
  '3. Where to look',
  '4. The cluster changes, and node-b does not hear of it',
  'the API server tells 35 changes',
  "node-a's kube-proxy has written its new rules",
  "node-c's kube-proxy has written its new rules",
  'node-a and node-c were read: they do what the API asks for now',
  'node-c has lost a rule that its kube-proxy believes to be there',
  'pending   critical   proxy-stalled   node-b',
  'firing    critical   proxy-stalled   node-b',
  '5. What it says',
  '6. Both are mended',
  'node-b and node-c were read: all 62 frontends do what the API asks for, on each',
  'resolved  critical   proxy-stalled   node-b',
  'node-a   iptables   healthy   62          62        0         0         0',
  'node-b   iptables   healthy   62          62        0         0         0',
  'node-c   nftables   healthy   62          62        0         0         0',
];
const isOfEdit = /^\w+ +critical +\S+ +node-c /;
const courseOfEdit = ['pending ', 'firing  ', 'resolved'].map(
  (state) => `${state}  critical   missing-service   node-c   kube-system/kube-dns:dns/udp`,
);
/** Links are read once a minute: of a pod that went meanwhile one seems to be left, until the next time. */
const isOfOldLinks = /^(?:pending|withdrawn) +medium +orphan-veth /;
const isBelow = /(\d+) findings? below (?:it|critical {3}proxy-stalled {3}node-b)$/;
const below = { pending: 20, firing: 20, resolved: 20 };
const lastWord = 'Everything that the demo made is removed again.';

describe('the demo', () => {
  it('shows a node go stale, be found out and mended, in the kernel and on recordings, and leaves nothing', async () => {
    const inKernel = new Demo('--once');
    await inKernel.told('3. Where to look');
    const onRecordings = new Demo('--no-kernel');
    expect([await inKernel.ended, inKernel.stderr]).toEqual([0, '']);
    expect(inKernel.course).toEqual([...course, lastWord]);
    await onRecordings.told('Ctrl-C ends it and removes everything.');
    onRecordings.end('SIGINT');
    expect([await onRecordings.ended, onRecordings.stderr]).toEqual([0, '']);
    expect(onRecordings.course).toEqual([...course, '7. Now you', lastWord]);
    expect([inKernel.below, onRecordings.below]).toEqual([below, below]);
    expect([inKernel.courseOfEdit, onRecordings.courseOfEdit]).toEqual([courseOfEdit, courseOfEdit]);
    expect([inKernel.leftBehind, onRecordings.leftBehind]).toEqual([[], []]);
  });

  it.each([
    ['SIGINT', 'Plumbline shows', 130],
    ['SIGTERM', '1. A small cluster', 143],
    ['SIGINT', '4. The cluster changes', 130],
  ] as const)('leaves nothing behind when it is ended by %s at "%s"', async (signal, words, code) => {
    const demo = new Demo();
    await demo.told(words);
    demo.end(signal);
    expect([await demo.ended, demo.stderr, demo.course.at(-1)]).toEqual([code, '', lastWord]);
    expect(demo.leftBehind).toEqual([]);
  });

  it('says which program ended before its time, with its last words, and leaves nothing behind', async () => {
    const demo = new Demo();
    await demo.told('3. Where to look');
    process.kill(demo.pidOf('aggregator'), 'SIGKILL');
    expect(await demo.ended).toBe(2);
    expect(demo.stderr).toContain('plumbline: cannot show the demo: the aggregator ended: signal SIGKILL\n');
    expect(demo.stderr).toContain('"message":"HTTP is being answered"');
    expect(demo.leftBehind).toEqual([]);
  });
});
