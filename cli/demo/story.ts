/**
 * The demo's story: three nodes report, the API changes, node-b's kube-proxy does not hear of it, somebody's hand slips
 * on node-c, the aggregator finds out, both are mended, the findings resolve. Each part refuses when its promise does
 * not hold.
 */
import type { FindingJson } from '../../aggregator/http/schemas/finding.ts';
import { subjectText } from '../../aggregator/model/finding.ts';
import { findingText } from '../api/finding-text.ts';
import { evidenceLines } from '../audit/human-report.ts';
import { done, type Outcome } from '../refusal.ts';
import { count, tableLines } from '../table.ts';
import { visible } from '../visible.ts';
import { emptiedChain, lostElement, runTyped } from './hand-edits.ts';
import { nodeNames } from './recordings.ts';
import type { Telling } from './telling.ts';
import { nodeTable } from './told-nodes.ts';
import { followCommands, programTable, restartCommands } from './typed-commands.ts';

const staleNode = 'node-b';
/** Where somebody changes a rule by hand. */
const editedNode = 'node-c';
/** The nodes whose kube-proxies hear of the change. */
const followers = ['node-a', 'node-c'] as const;
/** As many of the findings below a cause are listed. */
const shownBelow = 8;
const restSeconds = 4;

/** Tells it to its end. */
export async function tellStory(telling: Telling): Promise<Outcome<null>> {
  for (const part of [tellOfStage, tellOfNodes, tellOfPlaces, tellOfChange, tellOfFinding, tellOfRepair]) {
    const told = await part(telling);
    if (!told.ok) return told;
  }
  return done(null);
}

/** What can be tried while everything goes on. Tells what happens until something breaks, or the user ends it. */
export async function tellOnwards(telling: Telling): Promise<Outcome<null>> {
  const { story, stage } = telling;
  await story.step('Now you');
  await story.say(
    'All of it keeps running. Break node-a or node-c yourself, and what the aggregator finds is told here and by the commands above:',
  );
  const edits = [emptiedChain(stage), lostElement(stage)];
  await story.commands(edits.flatMap(({ breaking }) => breaking));
  await story.say('and mend them again:');
  await story.commands(edits.flatMap(({ mending }) => mending));
  await story.say('Ctrl-C ends it and removes everything.');
  telling.countFrom(null);
  return telling.whenBroken;
}

async function tellOfStage({ story, stage, paint }: Telling): Promise<Outcome<null>> {
  await story.step('A small cluster');
  const nodes = stage.isInKernel
    ? 'Three network namespaces stand for its nodes: they have the addresses of those nodes, and in this kernel the very rules that kube-proxy v1.36 wrote there. On each runs the agent, beside something that answers as its kube-proxy did when it was asked for health and metrics.'
    : 'Three folders stand for its nodes: they hold what was recorded of each, and an agent reads them as it would read a node.';
  await story.say(
    `A stand-in for the API server serves the recorded objects of a cluster with ${stage.cluster.services} Services. ${nodes} The aggregator and the agents are the real ones.`,
  );
  await story.show(programTable(stage, paint));
  return done(null);
}

async function tellOfNodes(telling: Telling): Promise<Outcome<null>> {
  const { story, stage, followed, signal, terminal, paint } = telling;
  await story.step('Every node reports');
  const started = await Promise.race([followed.start({ signal, startSeconds: 30 }), telling.whenBroken]);
  if (!started.ok) return started;
  await story.say('All of it is on a page too. Open it in a browser, and see there what is told here:');
  await story.commands([stage.server.href]);
  const reported = await telling.wait({
    until: 'every node has reported, and is healthy',
    holds: () => [...followed.nodes.values()].every(isRead) && nodeNames.every(isInSync(telling)),
    usualSeconds: 15,
    mostSeconds: 60,
  });
  if (!reported.ok) return reported;
  await story.show(nodeTable([...followed.nodes.values()], terminal.columns - 2, paint));
  await story.say(
    'A frontend is what a packet can be sent to: an address, port and protocol of a Service. In sync means that a packet meets there what the API asks for, followed rule by rule. Unknown is never taken for healthy.',
  );
  return done(null);
}

async function tellOfPlaces(telling: Telling): Promise<Outcome<null>> {
  const { story, stage } = telling;
  await story.step('Where to look');
  await story.say(`The page is at ${stage.server.href}. In another terminal, while this runs:`);
  await story.commands(followCommands(stage));
  await telling.rest(restSeconds);
  return done(null);
}

async function tellOfChange(telling: Telling): Promise<Outcome<null>> {
  const { story, stage } = telling;
  await story.step(`The cluster changes, and ${staleNode} does not hear of it`);
  await story.say(
    `Pods come and go, a Service is deleted and another made, ports and addresses change. The kube-proxies of node-a and node-c write new rules. The watches of ${staleNode}'s have died without a word: it has nothing to do, calls itself healthy, and goes on with the rules of before.`,
  );
  const changedAt = Date.now();
  telling.countFrom(changedAt);
  await telling.happened(`the API server tells ${count(stage.cluster.change(), 'change')}`);
  for (const name of followers) {
    const written = stage.follow(name, 'after');
    if (!written.ok) return written;
    await telling.happened(`${name}'s kube-proxy has written its new rules`);
  }
  const read = await telling.wait({
    until: 'node-a and node-c are read in sync with the new state',
    holds: () => followers.every((name) => isReadSince(telling, name, changedAt) && isInSync(telling)(name)),
    usualSeconds: 15,
    mostSeconds: 60,
  });
  if (!read.ok) return read;
  await telling.happened('node-a and node-c were read: they do what the API asks for now');
  const edited = await tellOfEdit(telling);
  if (!edited.ok) return edited;
  await story.say(
    'A kube-proxy may take up to 30 s to follow. Nothing fires before that: else every rollout would be an alarm.',
  );
  return untilFiring(telling);
}

/** It needs no rollout to go wrong: a hand is enough. */
async function tellOfEdit(telling: Telling): Promise<Outcome<null>> {
  const { story, stage } = telling;
  await story.say(`On ${editedNode} somebody takes the address of the cluster's DNS out of kube-proxy's map, by hand:`);
  const { breaking } = lostElement(stage);
  await story.commands(breaking);
  const broken = runTyped(breaking);
  if (broken.ok) await telling.happened(`${editedNode} has lost a rule that its kube-proxy believes to be there`);
  return broken;
}

async function untilFiring(telling: Telling): Promise<Outcome<null>> {
  const isFiring = (finding: FindingJson | undefined) => finding?.state === 'firing';
  const seen = await telling.wait({
    until: `${staleNode} is seen to stand still, and the loss on ${editedNode}`,
    holds: () => stalled(telling) !== undefined && damaged(telling) !== undefined,
    usualSeconds: 30,
    mostSeconds: 60,
  });
  if (!seen.ok) return seen;
  return telling.wait({
    until: 'both findings fire',
    holds: () =>
      isFiring(stalled(telling)) &&
      isFiring(damaged(telling)) &&
      [staleNode, editedNode].every((name) => telling.followed.nodes.get(name)?.state === 'unhealthy'),
    usualSeconds: 45,
    mostSeconds: 90,
  });
}

async function tellOfFinding(telling: Telling): Promise<Outcome<null>> {
  const { story, terminal, paint, followed } = telling;
  const finding = stalled(telling);
  if (finding === undefined) return telling.failed('the finding went away');
  await story.step('What it says');
  const [columns, colours] = [terminal.columns - 2, terminal.colours];
  await story.show(findingText({ finding, history: [], now: Date.now() }, { columns, colours }));
  const below = visible([...followed.findings.values()].filter(({ parent }) => parent === finding.fingerprint));
  await story.say(`${count(below.length, 'finding')} of single Services follow from it and will go with it:`);
  await story.show(belowText(below));
  const proven = provenOf(below);
  if (proven !== undefined) {
    await story.say(`Each has its evidence, such as ${subjectText(proven.subject)}: ${proven.summary}`);
    await story.show(evidenceLines(proven, '', columns, paint).join('\n'));
  }
  const loss = damaged(telling);
  if (loss === undefined) return telling.failed(`the finding of ${editedNode} went away`);
  await story.say(`${editedNode}'s is another fault: ${visible(loss).summary}`);
  await story.show(evidenceLines(visible(loss), '', columns, paint).join('\n'));
  await telling.rest(restSeconds);
  return done(null);
}

/** One whose rules are shown; packets to pods that are gone are the plainest fault. */
function provenOf(below: readonly FindingJson[]): FindingJson | undefined {
  const proven = below.filter(({ evidence }) => evidence.some(({ kind }) => kind === 'rule'));
  const stale = proven.filter(({ check }) => check === 'stale-endpoint');
  const [shortest] = stale.sort((one, other) => one.evidence.length - other.evidence.length);
  return shortest ?? proven[0];
}

function belowText(below: readonly FindingJson[]): string {
  const rows = below.map(({ severity, check, subject }) => [severity, check, subjectText(subject)]);
  const lines = tableLines(['SEVERITY', 'CHECK', 'SUBJECT'], rows.slice(0, shownBelow));
  const more = rows.length - shownBelow;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

async function tellOfRepair(telling: Telling): Promise<Outcome<null>> {
  const { story, stage, followed } = telling;
  await story.step('Both are mended');
  await story.say(
    `Somebody restarts ${staleNode}'s kube-proxy. As it starts it lists everything and writes all its rules anew; here they are those that the real one wrote then. On ${editedNode} the element is put back:`,
  );
  const { mending } = lostElement(stage);
  await story.commands([...restartCommands(stage, staleNode), ...mending]);
  telling.countFrom(Date.now());
  const written = stage.follow(staleNode, 'recovered');
  const mended = written.ok ? runTyped(mending) : written;
  if (!mended.ok) return mended;
  const both = [staleNode, editedNode].map((name) => () => followed.nodes.get(name)?.frontends);
  const back = await telling.wait({
    until: `${staleNode} and ${editedNode} are read in sync again`,
    holds: () => both.every((frontends) => frontends()?.drifted === 0),
    usualSeconds: 15,
    mostSeconds: 60,
  });
  if (!back.ok) return back;
  const total = followed.nodes.get(staleNode)?.frontends.total ?? 0;
  await telling.happened(
    `${staleNode} and ${editedNode} were read: all ${total} frontends do what the API asks for, on each`,
  );
  await story.say('A finding is over when two readings do not show it, at least 30 s apart.');
  const resolved = await telling.wait({
    until: 'the findings resolve',
    holds: () => followed.findings.size === 0 && nodeNames.every(isInSync(telling)),
    usualSeconds: 45,
    mostSeconds: 90,
  });
  if (!resolved.ok) return resolved;
  await story.show(nodeTable([...followed.nodes.values()], telling.terminal.columns - 2, telling.paint));
  return done(null);
}

function stalled({ followed }: Telling): FindingJson | undefined {
  return [...followed.findings.values()].find(({ check, node }) => check === 'proxy-stalled' && node === staleNode);
}

/** The cause on the node whose rules somebody changed. */
function damaged({ followed }: Telling): FindingJson | undefined {
  return [...followed.findings.values()].find(({ parent, node }) => parent === null && node === editedNode);
}

function isRead({ agent, lastReadingAt }: { readonly agent: string; readonly lastReadingAt: string | null }): boolean {
  return agent === 'reporting' && lastReadingAt !== null;
}

function isReadSince({ followed }: Telling, name: string, moment: number): boolean {
  return Date.parse(followed.nodes.get(name)?.lastReadingAt ?? '') > moment;
}

function isInSync({ followed }: Telling): (name: string) => boolean {
  return (name) => {
    const node = followed.nodes.get(name);
    return node !== undefined && node.state === 'healthy' && node.frontends.total > 0 && node.frontends.drifted === 0;
  };
}
