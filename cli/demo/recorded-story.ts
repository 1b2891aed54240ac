/** The demo without root: two recordings of one cluster, before and after a kube-proxy stopped. */
import { auditBundle } from '../audit/audit-bundle.ts';
import { headline, humanReport } from '../audit/human-report.ts';
import { type Audit, untoldText } from '../audit/report.ts';
import type { Context } from '../context.ts';
import { done, type Outcome } from '../refusal.ts';
import { type Narrator, narrator } from './narrator.ts';
import { recordingArchive, type RecordingName } from './recordings.ts';

/**
 * Tells it. Refused only when the recordings cannot be read.
 * @param because why the kernel of this machine is not shown instead, as a sentence.
 */
export async function tellFromRecordings(context: Context, because: string): Promise<Outcome<null>> {
  const story = narrator(context.terminal);
  await story.say(
    'Plumbline holds what each node really does with Service packets against what the cluster asked for.',
  );
  await story.say(`${because} So recordings of a real cluster are audited instead of the kernel of this machine.`);
  await story.step('A healthy cluster');
  const healthy = await auditRecording('s1-healthy', context);
  if (!healthy.ok) return healthy;
  await story.say(headline(healthy.value.report.nodes));
  await sayUntold(story, healthy.value);

  await story.step('A kube-proxy stops, and the cluster changes');
  await story.say(
    'kube-proxy on node-b stops. Then endpoints come and go, a Service is deleted, a node port and an external address change. node-b goes on serving the rules of before. No component reads them back, so nothing complains.',
  );
  const stale = await auditRecording('s2-stale-stopped', context);
  if (!stale.ok) return stale;
  const { colours, columns } = context.terminal;
  await story.show(humanReport(stale.value, { detail: 'short', colours, columns: columns - 2 }));
  await story.say(
    'All of it has one cause, and one command mends it. Next: plumbline checks (what it finds), plumbline audit --help (your own nodes).',
  );
  return done(null);
}

function auditRecording(name: RecordingName, { onInterrupt }: Context): Promise<Outcome<Audit>> {
  return auditBundle({ bundle: recordingArchive(name), api: null, over: null }, onInterrupt);
}

async function sayUntold(story: Narrator, { report, untold }: Audit): Promise<void> {
  for (const node of report.nodes) {
    const reason = untold.get(node.name);
    if (reason !== undefined) await story.say(`${untoldText(node, reason)}.`);
  }
}
