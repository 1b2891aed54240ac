/*
 * CoreDNS answers names of the cluster itself and hands all others on to servers above. Where those fail, pods reach each
 * other and nothing outside: SERVFAIL, or lookups that take seconds (kubernetes#14051).
 */
import type { Address } from '../../proto/address.ts';
import type { Lookup } from '../../proto/parts.ts';
import type { ClusterCheck, ClusterView, NodeView } from '../model/check.ts';
import type { ClusterObjects } from '../model/cluster.ts';
import type { Subject, Violation } from '../model/finding.ts';
import { dnsOf, failureOf, isFull, isWell, lookupsOf, serverText } from './shared/dns.ts';
import { forwardPlugins, isLoopback, serversAbove } from './shared/dns-upstreams.ts';
import { fact } from './shared/evidence.ts';
import { outsideNamesTopic } from './shared/topics.ts';
import { counted, joined } from './shared/words.ts';

export const dnsUpstreamFailing: ClusterCheck = {
  id: 'dns-upstream-failing',
  layer: 'L4',
  scope: 'cluster',
  severity: 'high',
  title: 'Names outside of the cluster do not resolve',
  explanation: `Agents ask cluster DNS for the external name that they were given, and the servers above it directly. Names of the cluster resolve, and the external name does not (SERVFAIL, or no answer): the fault is above CoreDNS. Where a server above fails when a node asks it directly, that server is named; where those that the Corefile names answer the nodes, CoreDNS' own pods do not reach them (a NetworkPolicy, a firewall, no route out of the pods' range). Servers that only the Corefile names are asked where \`agent.dns.upstreams\` of the chart names them as well.`,
  falsePositives: `Only where an external name is configured (\`agent.dns.externalName\` of the chart). NXDOMAIN for it is an answer. Three lookups in a row must fail on most of the nodes that ask, be it by silence or an error. A single server above that fails while the name resolves is told with severity medium: CoreDNS passes it over, at the price of a timeout now and then.`,
  remediation: `Mend the server above, or name another in the Corefile (\`forward . ADDRESS\`) or in the resolv.conf that the kubelet gives CoreDNS.`,
  needs: ['dns'],
  holdForSeconds: 120,
  clearForSeconds: 120,
  evaluate,
  undecided,
};

/** What came of the external name on one node. */
interface NodeWord {
  readonly node: string;
  /** Through cluster DNS; null where it resolves, or is not known. */
  readonly failure: string | null;
  readonly resolves: boolean;
  readonly upstreams: readonly Lookup[];
}

function evaluate({ nodes, objects }: ClusterView): readonly Violation[] {
  const words = nodes.flatMap(wordOf);
  const failing = words.filter(({ failure }) => failure !== null);
  const upstreams = failingUpstreams(words);
  if (failing.length > words.filter(({ resolves }) => resolves).length) {
    return [ofCluster({ objects, failing, upstreams, above: serversAbove(objects, nodes) })];
  }
  return upstreams.map((upstream) => ofUpstream(upstream));
}

/** While agents begin anew, or those that saw it are silent, nobody has asked three times: that it fails is not over then. */
function undecided(subject: Subject, { nodes }: ClusterView): string | null {
  // Where nobody is to ask for one any more, nothing will be found out.
  if (nodes.every((view) => dnsOf(view)?.names?.external == null && dnsOf(view) !== null)) return null;
  const isAsked = nodes.some((view) =>
    lookupsOf(view).some(
      (one) => one.name === 'external' && isFull(one) && (one.by === 'upstream') === (subject.kind === 'Address'),
    ),
  );
  return isAsked ? null : 'no node has asked for a name outside three times yet';
}

/** Nothing of a node on which names of the cluster do not resolve either: then the fault is below. */
function wordOf(view: NodeView): readonly NodeWord[] {
  const lookups = lookupsOf(view);
  const inside = lookups.filter(({ by }) => by === 'service' || by === 'backend' || by === 'node-local');
  const isClusterWell = inside.some((one) => one.name === 'cluster' && isWell(one));
  const external = inside.filter(({ name }) => name === 'external');
  if (!isClusterWell || external.length === 0) return [];
  const resolves = external.some(isWell);
  const failure = resolves ? null : (external.map(failureOf).find((why) => why !== null) ?? null);
  return [{ node: view.name, failure, resolves, upstreams: lookups.filter(isAbove) }];
}

/** Who answers at a loopback address answers the node alone. */
function isAbove({ by, server }: Lookup): boolean {
  return by === 'upstream' && !isLoopback(server);
}

interface Upstream {
  readonly server: Address;
  readonly text: string;
  readonly why: string;
  readonly nodes: readonly string[];
}

/** Those that fail for most of the nodes that ask them. */
function failingUpstreams(words: readonly NodeWord[]): readonly Upstream[] {
  const seen = words.flatMap(({ node, upstreams }) => upstreams.map((lookup) => ({ node, lookup })));
  return [...Map.groupBy(seen, ({ lookup }) => serverText(lookup))].flatMap(([text, of]) => {
    const failed = of.filter(({ lookup }) => failureOf(lookup) !== null);
    const well = of.filter(({ lookup }) => isWell(lookup));
    const [first] = failed;
    if (first === undefined || failed.length <= well.length) return [];
    const nodes = [...new Set(failed.map(({ node }) => node))];
    return [{ server: first.lookup.server, text, why: failureOf(first.lookup) ?? '', nodes }];
  });
}

interface Seen {
  readonly objects: ClusterObjects;
  readonly failing: readonly NodeWord[];
  /** Those that fail. */
  readonly upstreams: readonly Upstream[];
  /** Whom CoreDNS asks; empty = not known. */
  readonly above: ReadonlySet<Address>;
}

function ofCluster(seen: Seen): Violation {
  const { objects, failing, upstreams } = seen;
  const nodes = failing.map(({ node }) => node);
  return {
    subject: { kind: 'Cluster', name: 'cluster DNS' },
    summary: `Names outside of the cluster do not resolve on ${joined(nodes)} (${failing[0]?.failure}), while names of the cluster do: ${culprit(seen)}.`,
    evidence: [
      ...failing.slice(0, 10).map(({ node, failure }) => fact(`asked by ${node}`, failure ?? '')),
      ...upstreams.map(({ text, why, nodes: of }) => fact(`upstream ${text}`, `${why} to ${joined(of)}`)),
      ...forwards(objects).map((line) => fact('the Corefile says', line)),
    ],
    remediation: [
      {
        command: 'kubectl -n kube-system logs -l k8s-app=kube-dns --tail=50 --prefix',
        effect: 'Shows which server above CoreDNS complains of.',
      },
      {
        command: 'kubectl -n kube-system edit configmap coredns',
        effect: 'There `forward . ADDRESS` names another server above; CoreDNS reads it anew within two minutes.',
      },
    ],
    frontends: [],
    // Where a server above fails itself, nothing that CoreDNS does is its cause.
    topics: ownFailing(seen).length === 0 ? [outsideNamesTopic] : [],
  };
}

/** Of those that fail the ones that CoreDNS asks, as far as it is known whom it asks. */
function ownFailing({ upstreams, above }: Seen): readonly Upstream[] {
  return upstreams.filter(({ server }) => above.size === 0 || above.has(server));
}

/** Who fails above, as far as that can be told from nodes. */
function culprit(seen: Seen): string {
  const { objects, failing, above } = seen;
  const own = ownFailing(seen);
  if (own.length > 0) {
    const verb = own.length === 1 ? 'fails' : 'fail';
    return `${joined(own.map(({ text }) => text))} above ${verb} too (${own[0]?.why})`;
  }
  const well = failing.flatMap((word) => word.upstreams.filter(isWell));
  if (well.some(({ server }) => above.has(server))) {
    return 'the servers above answer the nodes, so it is the way from the pods of cluster DNS to them';
  }
  const answering = [...new Set(well.map(serverText))];
  const others = answering.length === 0 ? '' : `; ${joined(answering)} answered the nodes`;
  return `which server above fails is not known${forwardText(objects)}${others}`;
}

function ofUpstream({ server, text, why, nodes }: Upstream): Violation {
  return {
    subject: { kind: 'Address', name: server },
    summary: `The DNS server ${text} above the cluster fails (${why}) to ${counted(nodes.length, 'node')}; the others are asked in its place, so names still resolve.`,
    evidence: nodes.slice(0, 10).map((node) => fact(`asked by ${node}`, why)),
    remediation: [
      {
        command: `dig @${server} example.com`,
        effect: 'Run on a node: asks the server itself. Mend it, or take it out of the Corefile and of resolv.conf.',
      },
    ],
    frontends: [],
    severity: 'medium',
  };
}

/** `forward . 10.0.0.2 (Corefile:12)` */
function forwards(objects: ClusterObjects): readonly string[] {
  return forwardPlugins(objects).map(({ from, to, place }) => {
    const targets = to.map((target) =>
      target.kind === 'server' ? target.address : target.kind === 'file' ? target.path : target.text,
    );
    return `forward ${from} ${targets.join(' ')} (${place.file}:${place.line})`;
  });
}

function forwardText(objects: ClusterObjects): string {
  const lines = forwards(objects);
  return lines.length === 0 ? '' : `; the Corefile says ${joined(lines)}`;
}
