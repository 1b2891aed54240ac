/*
 * A flow of UDP is translated once, when it begins: the connection table then sends every further packet to the same
 * backend, whatever the rules say by now, until nothing was sent for two minutes. A client that keeps its port (DNS
 * resolvers, syslog, SIP, statsd) never lets it end. kube-proxy deletes such entries after a sync; it did not where the
 * cleaning failed or was not asked for (kubernetes#125467, #48370), where no endpoint served for a while (#139628), and
 * where the flow was begun before the rules were there (#66651, #19029).
 */
import { backendOf } from '../../proto/address.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import { type Evidence, type Remedy, type Subject, subjectText, type Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { unique } from './shared/findings.ts';
import { type DeadFlow, deadFlows } from './shared/udp-flows.ts';
import { counted, joined } from './shared/words.ts';

const mostShown = 10;

export const staleConntrack: NodeCheck = {
  id: 'stale-conntrack',
  layer: 'L3',
  scope: 'node',
  severity: 'critical',
  title: 'UDP flows of a Service still go to a backend that is gone',
  explanation: `The rules of the node are right, and new flows work. But the kernel's connection table has flows of UDP that were begun earlier and are still sent to an address that is no serving endpoint of the Service (or are not translated at all, since they were begun before there were rules). Such an entry lives as long as the client keeps sending from the same port: that client gets no answer, for hours, while all others do.

kube-proxy deletes these entries after it has programmed a change. It fails to where listing or deleting them failed, where the Service had no serving endpoint in between, and where the entry is older than its rules.

Where no endpoint of the Service serves at all, the severity is medium: nobody would answer anyway.`,
  falsePositives: `Endpoints that are terminating and still serve keep their flows on purpose, and so does every other serving endpoint, whatever the traffic policies say. Flows to host ports of pods, to addresses that are no Service's, and to Services of other proxies are not looked at; neither are those to a backend that the rules use at this moment: then the rules are wrong, which \`stale-endpoint\` says. An entry that is a few seconds old may be one that kube-proxy is about to delete, and a rollout of many pods leaves new ones behind again and again: so each must be seen in two readings of the table while the rules would not make it, and the Service have such for five minutes.`,
  remediation: `Delete the entries with the commands of the finding: they name one destination and one dead backend each, so flows to serving endpoints stay. If they come back, read kube-proxy's log for \`conntrack\`. kube-proxy from v1.32 on cleans more reliably.`,
  needs: ['udp-flows', 'drift'],
  // The table is read every four minutes at the least.
  holdForSeconds: 300,
  clearForSeconds: 60,
  evaluate: (view) => [...byPort(deadFlows(view)).values()].map((dead) => violation(view, dead)),
};

function byPort(dead: readonly DeadFlow[]): ReadonlyMap<string, readonly DeadFlow[]> {
  return Map.groupBy(dead, ({ owner }) => `${owner.namespace}/${owner.name}:${owner.portName}`);
}

function violation(view: NodeView, dead: readonly DeadFlow[]): Violation {
  const isServed = dead.some(({ serving }) => serving.length > 0);
  const subject = subjectOf(dead);
  return {
    subject,
    summary: `${summaryOf(view, dead, subjectText(subject))}${isServed ? '' : ' No endpoint of it serves at all, so nobody would answer anyway.'}`,
    evidence: evidenceOf(dead),
    remediation: remediesOf(view, dead),
    frontends: unique(dead.map(({ key }) => key)),
    explains: unique(dead.map(({ key }) => key)),
    ...(isServed ? {} : { severity: 'medium' as const }),
  };
}

function subjectOf(dead: readonly DeadFlow[]): Subject {
  const [{ owner } = { owner: null }] = dead;
  const { namespace = '', name = '', portName = '', protocol = 'udp' } = owner ?? {};
  return { kind: 'Service', namespace, name, port: portName, protocol };
}

function summaryOf(view: NodeView, dead: readonly DeadFlow[], label: string): string {
  const translated = dead.filter((one) => !isUntranslated(one));
  const flows = counted(flowsOf(dead), 'UDP flow');
  const unreplied = dead.reduce((sum, { flow }) => sum + flow.unreplied, 0);
  const answers = unreplied === 0 ? '' : ` (${unreplied} of them never answered)`;
  if (translated.length === 0) {
    return `${view.name} keeps ${flows} of ${label} untranslated${answers}: begun before there were rules for it.`;
  }
  const backends = joined(unique(translated.map(({ flow }) => flow.backend)));
  const rest = translated.length < dead.length ? ', or nowhere' : '';
  return `${view.name} still sends ${flows} of ${label} to ${backends}${rest}, where no endpoint of it serves${answers}.`;
}

function isUntranslated({ flow }: DeadFlow): boolean {
  return flow.backend === flow.destination;
}

function flowsOf(dead: readonly DeadFlow[]): number {
  return dead.reduce((sum, { flow }) => sum + flow.flows, 0);
}

function evidenceOf(dead: readonly DeadFlow[]): readonly Evidence[] {
  const serving = unique(dead.flatMap((one) => one.serving));
  return [
    ...dead.slice(0, mostShown).map(({ key, flow }): Evidence => {
      return { kind: 'backend', frontend: key, backend: backendOf(flow.backend, flow.backendPort), state: 'stale' };
    }),
    ...dead.slice(0, mostShown).map(({ flow }) => {
      const { destination, port, backend, backendPort, flows, unreplied } = flow;
      return fact(
        `udp ${backendOf(destination, port)} -> ${backendOf(backend, backendPort)}`,
        `${counted(flows, 'flow')}, ${unreplied} never answered`,
      );
    }),
    ...(dead.length > mostShown ? [fact('not shown', `${dead.length - mostShown} more pairs of addresses`)] : []),
    fact('serving endpoints', serving.length === 0 ? 'none' : joined(serving, 8)),
  ];
}

/** One for each destination and dead address, whatever the port there. */
function remediesOf(view: NodeView, dead: readonly DeadFlow[]): readonly Remedy[] {
  const commands = unique(dead.map(({ flow }) => commandOf(flow)));
  return commands.slice(0, mostShown).map((command) => ({
    command,
    effect: `Run on ${view.name}: deletes these entries only. The next packet of each client is translated anew, to an endpoint that serves.`,
  }));
}

function commandOf({ family, destination, port, backend }: DeadFlow['flow']): string {
  const of = family === 'ipv6' ? '-f ipv6 ' : '';
  return `conntrack -D ${of}-p udp --orig-dst ${destination} --orig-port-dst ${port} --reply-src ${backend}`;
}
