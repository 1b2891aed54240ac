/** `plumbline audit`: holds what nodes do with Service packets against what the API objects ask for. */
import { type Command, Option } from 'commander';
import { severities, type Severity } from '../../aggregator/model/finding.ts';
import { auditBundle } from '../audit/audit-bundle.ts';
import { auditLive, type LiveAudit } from '../audit/audit-live.ts';
import { humanReport } from '../audit/human-report.ts';
import type { NodeStatus } from '../../aggregator/model/node-status.ts';
import { type Audit, failsOn, inNamespace, untoldText } from '../audit/report.ts';
import { type Context, refuse } from '../context.ts';
import { type OutputFormat, outputOption, structuredText } from '../output.ts';
import { done, type Outcome, refused } from '../refusal.ts';
import { visible } from '../visible.ts';

const help = `
A bundle holds the API's lists and one folder for each node, with what its commands
printed. What a node's folder lacks is not judged, and a node without a folder is
unknown; neither counts as healthy, nor as a finding.

  bundle/api/services.json  endpointslices.json  nodes.json   (or .json.gz)
             pods.json  namespaces.json  events.json   where checks shall know of them
  bundle/node-a/iptables-nft-save.txt   or iptables-legacy-save.txt
               ip6tables-nft-save.txt   or ip6tables-legacy-save.txt
               nft-list-ruleset.txt     where kube-proxy's mode is nftables
               proc-net-ip_vs.txt  ipset-save.txt  ipvsadm-Sn.txt   where it is ipvs
               net/ip-addr.json         (ip -j addr)
               kube-proxy/healthz.txt  livez.txt  metrics.txt  proxyMode.txt  configz.json

Examples:
  plumbline audit ./recording
  plumbline audit recording.tar.gz -o json
  plumbline audit ./node-a --api ./recording/api         one node's folder
  plumbline audit ./damaged --over ./healthy --api ./api only the rules were recorded again
  plumbline audit --live                                 this machine, as root, against
                                                         the cluster of your kubeconfig
  plumbline audit --live --kubeconfig ./admin --context lab
  plumbline audit --live --api ./api                     the same against recorded lists
  plumbline audit ./recording -n shop --fail-on high     for a script

With --live and no --api the API objects come from the API server, found as kubectl
does: --kubeconfig, KUBECONFIG, ~/.kube/config, else the service account of a pod. It
takes the right to list services, endpointslices and nodes, and without the right to
list pods and namespaces some checks are left out; nothing is changed.

Exit codes: 0 no finding at or above --fail-on (nodes may be unknown: they are
printed), 1 findings, 2 could not do the work.`;

interface AuditOptions {
  readonly api?: string;
  readonly over?: string;
  readonly live?: true;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly node?: string;
  readonly output: OutputFormat;
  readonly namespace?: string;
  readonly failOn: Severity;
}

/** Adds the command to the program. */
export function addAudit(program: Command, context: Context): void {
  program
    .command('audit')
    .description('hold what nodes do against what the cluster asked for')
    .argument('[bundle]', 'a recording: a folder or a .tar.gz')
    .option('--api <dir>', "API lists in place of the bundle's own: a folder or a .tar.gz")
    .option('--over <dir>', 'files missing in the bundle are taken from this one: a folder or a .tar.gz')
    .option('--live', "audit this machine's kernel instead of a bundle")
    .option('--kubeconfig <file>', 'with --live: how to reach the API server')
    .option('--context <name>', "with --live: the kubeconfig's context, if not its current one")
    .option('--node <name>', "with --live: this machine's Node, where it cannot be told")
    .addOption(outputOption(['table', 'wide', 'json', 'yaml', 'name']))
    .option(
      '-n, --namespace <namespace>',
      "only findings of this namespace's objects, of whole nodes and of the cluster",
    )
    .addOption(new Option('-A, --all-namespaces', 'findings of every namespace (the default)').conflicts('namespace'))
    .addOption(
      new Option('--fail-on <severity>', 'exit with 1 from this severity on').choices(severities).default('low'),
    )
    .addHelpText('after', help)
    .action((bundle: string | undefined, options: AuditOptions) => runAudit(bundle, options, context));
}

async function runAudit(bundle: string | undefined, options: AuditOptions, context: Context): Promise<void> {
  const outcome = await carryOut(bundle, options, context);
  if (!outcome.ok) return refuse(context, outcome.refusal);
  const audit = options.namespace === undefined ? outcome.value : inNamespace(outcome.value, options.namespace);
  await context.terminal.print(auditText(audit, options.output, context));
  for (const gap of visible(audit.gaps ?? [])) await context.terminal.warn(`plumbline: ${gap}\n`);
  if (options.output !== 'table' && options.output !== 'wide') await warnOfUntold(audit, context);
  context.exitWith(failsOn(audit.report, options.failOn) ? 1 : 0);
}

async function carryOut(bundle: string | undefined, options: AuditOptions, context: Context): Promise<Outcome<Audit>> {
  const attempted = options.live ? 'audit this machine' : `audit ${bundle ?? ''}`.trimEnd();
  if (options.live && (bundle !== undefined || options.over !== undefined)) {
    return refused('audit', '--live and a bundle exclude each other', 'Give one of them; see plumbline audit --help.');
  }
  if (!options.live && bundle === undefined) {
    return refused('audit', 'no bundle was given', 'Give a recorded folder or .tar.gz, or --live.');
  }
  const asksServer = options.kubeconfig !== undefined || options.context !== undefined;
  if (asksServer && (!options.live || options.api !== undefined)) {
    return refused(
      attempted,
      '--kubeconfig and --context are for --live without --api',
      'Take one source of API objects.',
    );
  }
  if (!options.live && options.node !== undefined) {
    return refused(attempted, '--node is for --live only', "A bundle's nodes are named by their folders.");
  }
  const { api = null, over = null } = options;
  const whileOpen = (close: () => void) => context.onInterrupt(close);
  const audit =
    bundle === undefined
      ? await auditLive(liveAudit(options, context), whileOpen)
      : await auditBundle({ bundle, api, over }, whileOpen);
  return audit.ok ? somethingJudged(audit.value, attempted) : audit;
}

function liveAudit(options: AuditOptions, { hostname, environment }: Context): LiveAudit {
  const { api, kubeconfig = null, context = null, node = null } = options;
  const source = api === undefined ? { access: { kubeconfig, context, environment } } : { folder: api };
  return { api: source, node, hostname };
}

/** That nothing of any node could be read is no verdict, whatever the API's objects say of themselves. */
function somethingJudged(audit: Audit, attempted: string): Outcome<Audit> {
  const { nodes, findings } = audit.report;
  const isJudged = ({ frontends }: NodeStatus) => frontends.inSync + frontends.drifted > 0;
  if (findings.some(({ node }) => node !== null) || nodes.some((node) => node.state !== 'unknown' || isJudged(node)))
    return done(audit);
  const reasons = [...audit.untold].map(([name, reason]) => `${name}: ${reason}`);
  return refused(
    attempted,
    `nothing can be said of any node (${reasons.slice(0, 5).join('; ') || 'the API lists none'})`,
    'Nodes of kube-proxy are audited, in iptables, nftables or IPVS mode; see plumbline audit --help for the layout.',
  );
}

function auditText(audit: Audit, output: OutputFormat, { terminal }: Context): string {
  switch (output) {
    case 'json':
    case 'yaml':
      return structuredText(audit.report, output);
    case 'name':
      return audit.report.findings.map((finding) => `finding/${finding.fingerprint}\n`).join('');
    case 'table':
    case 'wide':
      return humanReport(audit, {
        detail: output === 'wide' ? 'all' : 'short',
        colours: terminal.colours,
        columns: terminal.columns,
      });
  }
}

/** Documents for programs have no place for it, and silence would pass for health. */
async function warnOfUntold(audit: Audit, { terminal }: Context): Promise<void> {
  const { report, untold } = visible(audit);
  for (const node of report.nodes) {
    const reason = untold.get(node.name);
    if (reason !== undefined) await terminal.warn(`plumbline: ${untoldText(node, reason)}\n`);
  }
}
