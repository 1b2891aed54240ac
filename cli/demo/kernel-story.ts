/** The demo as root: rules that real kube-proxies wrote, in the real kernel, broken and mended before one's eyes. */
import { localHost } from '../../agent/host.ts';
import { auditNodes } from '../audit/audit-nodes.ts';
import { headline, humanReport, type ReportStyle } from '../audit/human-report.ts';
import type { Audit } from '../audit/report.ts';
import { done, type Outcome, refused } from '../refusal.ts';
import type { Terminal } from '../terminal.ts';
import { breakEndpoint } from './broken-rule.ts';
import { loadRules } from './namespace-node.ts';
import { type Narrator, narrator } from './narrator.ts';
import type { Stage } from './stage.ts';

interface Telling {
  readonly terminal: Terminal;
  readonly story: Narrator;
  readonly stage: Stage;
}

/** Tells it and closes the stage, however it ends. Refused when the demo's own promise does not hold. */
export async function tellOnKernel(terminal: Terminal, stage: Stage): Promise<Outcome<null>> {
  const telling = { terminal, stage, story: narrator(terminal) };
  const told = await tell(telling).finally(stage.close);
  if (!told.ok) return told;
  const closed = stage.close();
  if (!closed.ok) return closed;
  await telling.story.say('Both namespaces are removed again; nothing of the demo is left on this machine.');
  await telling.story.say('Next: plumbline checks (what it finds), plumbline audit --help (your own nodes).');
  return done(null);
}

async function tell(telling: Telling): Promise<Outcome<null>> {
  for (const part of [tellOfNodes, tellOfAudit, tellOfDamage, tellOfFinding, tellOfRepair]) {
    const told = await part(telling);
    if (!told.ok) return told;
  }
  return done(null);
}

async function tellOfNodes({ story, stage }: Telling): Promise<Outcome<null>> {
  await story.say(
    'Plumbline holds what each node really does with Service packets against what the cluster asked for. Here it does so with two nodes in the kernel of this machine.',
  );
  await story.step('Two nodes');
  await story.say(
    `Two network namespaces stand for nodes of a recorded cluster with ${stage.cluster.services.length} Services. They have the addresses of those nodes and the very rules that kube-proxy v1.36 wrote there: node-a through iptables-nft, node-b through iptables-legacy.`,
  );
  return done(null);
}

async function tellOfAudit(telling: Telling): Promise<Outcome<null>> {
  const { story } = telling;
  await story.step('The audit');
  await story.say(
    "It reads the rules back from the kernel, follows what a packet to each Service address would meet, from a pod, from the node and from outside, and compares that with the cluster's Services and EndpointSlices. kube-proxy is not asked: it does not run here, and would not know.",
  );
  const started = performance.now();
  const audit = await auditNow(telling);
  const took = ((performance.now() - started) / 1000).toFixed(1);
  await story.show(reportText(telling, audit, 'short'));
  if (!isHealthy(audit)) return unexpected('the nodes as they were recorded', audit);
  const frontends = audit.report.nodes.reduce((sum, node) => sum + node.frontends.total, 0);
  await story.say(`${frontends} frontends: read from the kernel, traced and compared in ${took} s.`);
  return done(null);
}

async function tellOfDamage({ story, stage }: Telling): Promise<Outcome<null>> {
  const [node] = stage.nodes;
  await story.step('Something goes wrong');
  const broken = breakEndpoint(node, { namespace: 'shop', name: 'web' });
  if (!broken.ok) return broken;
  await story.say(
    `One rule of ${node.name} now sends packets for shop/web to ${broken.value.wrongBackend}, which is no pod:`,
  );
  await story.command(broken.value.command);
  await story.say(
    'A stale rule looks just like this. kube-proxy would go on to call itself healthy, for it never reads its rules back; users would see one connection in three time out.',
  );
  return done(null);
}

async function tellOfFinding(telling: Telling): Promise<Outcome<null>> {
  await telling.story.step('It is found');
  const audit = await auditNow(telling);
  await telling.story.show(reportText(telling, audit, 'causes'));
  const stale = audit.report.findings.some((finding) => finding.check === 'stale-endpoint');
  return stale ? done(null) : unexpected('the broken node', audit);
}

async function tellOfRepair(telling: Telling): Promise<Outcome<null>> {
  const { story, stage } = telling;
  const [node] = stage.nodes;
  await story.step('It is mended');
  await story.say(
    'On a cluster you would restart kube-proxy with the command above: it writes all of its rules again as it starts. Here the recorded rules are written again, in the same way:',
  );
  await story.command(`iptables-${node.backend}-restore < ${node.name}/iptables-${node.backend}-save.txt`);
  const loaded = loadRules(node);
  if (!loaded.ok) return loaded;
  const audit = await auditNow(telling);
  await story.say(headline(audit.report.nodes));
  return isHealthy(audit) ? done(null) : unexpected('the mended node', audit);
}

function auditNow({ stage: { nodes, cluster } }: Telling): Promise<Audit> {
  return auditNodes(
    nodes.map(({ name, namespace }) => ({ name, host: localHost({ netns: namespace }) })),
    cluster,
  );
}

function reportText({ terminal }: Telling, audit: Audit, detail: ReportStyle['detail']): string {
  return humanReport(audit, { detail, colours: terminal.colours, columns: terminal.columns - 2 });
}

function isHealthy({ report }: Audit): boolean {
  return report.nodes.every((node) => node.state === 'healthy');
}

/** The demo's promise did not hold: rather no demo than one that shrugs. */
function unexpected(what: string, { report, untold }: Audit): Outcome<never> {
  const reasons = [...untold].map(([name, reason]) => `${name}: ${reason}`);
  const cameBack = `${what} came out as "${[headline(report.nodes), ...reasons].join(' ')}"`;
  return refused('show the demo', cameBack, 'Please report it with the output of the demo and of uname -r.');
}
