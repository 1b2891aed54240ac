/** The demo from beginning to end: what it may play on, the story, and that nothing stays behind however it ends. */
import type { Context } from '../context.ts';
import { done, type Outcome, type Refusal, refusalText, refused } from '../refusal.ts';
import { type Narrator, narrator } from './narrator.ts';
import { Stage } from './stage.ts';
import { tellOnwards, tellStory } from './story.ts';
import { Telling } from './telling.ts';

export interface DemoOptions {
  /** It ends after the story. */
  readonly isOnce: boolean;
  /** Nodes may be namespaces in the kernel of this machine. */
  readonly mayUseKernel: boolean;
}

/** @returns `interrupted` when the user ended it: then the program is about to end. */
export async function showDemo(options: DemoOptions, context: Context): Promise<Outcome<null> | 'interrupted'> {
  const demo = new Demo(context);
  const forget = context.onInterrupt(() => demo.interrupt());
  const shown = await demo.show(options).catch(async (defect: unknown) => {
    await demo.close();
    throw defect;
  });
  if (demo.isInterrupted) return 'interrupted';
  const closed = await demo.close();
  forget();
  if (!shown.ok) return shown;
  if (!closed.ok) return closed;
  await context.terminal.print(goodbye);
  return done(null);
}

const greeting =
  'Plumbline shows, for every node of a Kubernetes cluster, whether the kernel really does with Service packets what the cluster asked for. Here it runs whole on this machine, with a recorded cluster. The story takes a minute and a half.';
const goodbye = '\nEverything that the demo made is removed again.\n';

class Demo {
  readonly #context: Context;
  readonly #interruption = new AbortController();
  readonly #story: Narrator;
  #stage: Stage | null = null;
  #isTold = false;

  constructor(context: Context) {
    this.#context = context;
    this.#story = narrator(context.terminal, this.#interruption.signal);
  }

  get isInterrupted(): boolean {
    return this.#interruption.signal.aborted;
  }

  async show({ isOnce, mayUseKernel }: DemoOptions): Promise<Outcome<null>> {
    await this.#story.say(greeting);
    const stage = await this.#openStage(mayUseKernel);
    if (!stage.ok) return stage;
    const started = await stage.value.startPrograms();
    if (!started.ok) return started;
    const { terminal } = this.#context;
    const signal = this.#interruption.signal;
    const telling = new Telling({ terminal, story: this.#story, stage: stage.value, signal });
    const told = await tellStory(telling);
    // Who reads no more will not press Ctrl-C either.
    if (!told.ok || isOnce || terminal.isClosed()) return told;
    this.#isTold = true;
    return tellOnwards(telling);
  }

  /** The user ends it. After the story that is how it is meant to end. */
  async interrupt(): Promise<void> {
    this.#interruption.abort();
    const { terminal, exitWith } = this.#context;
    const closed = await this.close();
    if (!closed.ok) await terminal.warn(refusalText(closed.refusal));
    else await terminal.print(goodbye);
    if (!closed.ok) exitWith(2);
    else if (this.#isTold) exitWith(0);
  }

  async close(): Promise<Outcome<null>> {
    return this.#stage === null ? done(null) : this.#stage.close();
  }

  async #openStage(mayUseKernel: boolean): Promise<Outcome<Stage>> {
    if (!mayUseKernel) return this.#recordedStage('As was asked for,');
    if (!this.#context.isRoot) return this.#recordedStage('Only root may make network namespaces, so');
    const stage = new Stage({ isInKernel: true });
    this.#stage = stage;
    const built = await stage.build();
    if (built.ok) return done(stage);
    if (this.isInterrupted) return built;
    // Root in a container often may not do this; the demo need not end there.
    await stage.close();
    return this.#recordedStage(`${whyNot(built.refusal)} So`);
  }

  async #recordedStage(because: string): Promise<Outcome<Stage>> {
    await this.#story.say(`${because} the agents read recordings here, and not the kernel of this machine.`);
    if (this.isInterrupted) return refused('show the demo', 'it was interrupted', 'Start it again.');
    const stage = new Stage({ isInKernel: false });
    this.#stage = stage;
    const built = await stage.build();
    return built.ok ? done(stage) : built;
  }
}

function whyNot({ attempted, cameBack }: Refusal): string {
  return `This machine cannot ${attempted}: ${cameBack}.`;
}
