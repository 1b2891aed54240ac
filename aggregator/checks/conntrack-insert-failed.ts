/*
 * Two packets of one client that leave at the same moment each begin an entry, and the second cannot be inserted: its
 * packet is dropped. Resolvers ask for A and AAAA at once from one socket, so it hits DNS first, and the client waits
 * five seconds before it asks again (kubernetes#56903, #62628). The same counter rises when two masqueraded connections
 * get the same source port. Since Linux 5.8 most clashes of UDP are resolved without a loss.
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { perMinute, rate } from './shared/rates.ts';

/**
 * Every busy node has a few in a minute, which nobody notices: some of thousands of connections. One in two seconds is
 * a client that waits five seconds, at every moment of the day two or three at once.
 */
const usualPerMinute = 30;

export const conntrackInsertFailed: NodeCheck = {
  id: 'conntrack-insert-failed',
  layer: 'L3',
  scope: 'node',
  severity: 'medium',
  title: 'New connections are lost because their entries clash',
  explanation: `When two packets that would become the same entry of the connection table are under way at once, the second one cannot be inserted and is dropped. Name lookups suffer first: a resolver that asks for IPv4 and IPv6 addresses at once loses one of the two questions, and asks again after five seconds. Many masqueraded connections to one destination have the same effect, since they choose their source ports alike.`,
  falsePositives: `A few are normal on any busy node. The finding begins at ${usualPerMinute} in a minute, that is one lost packet every two seconds, and only when that holds for five minutes.`,
  remediation: `Run NodeLocal DNSCache, which lets lookups bypass connection tracking on their way to the cache; or have resolvers use TCP (\`options use-vc\`) or one question at a time (\`options single-request-reopen\`). For masqueraded connections: kube-proxy and CNI plugins masquerade with \`--random-fully\` where iptables supports it. Linux 5.8 and later resolves most of these clashes.`,
  needs: ['conntrack'],
  holdForSeconds: 300,
  clearForSeconds: 600,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const { conntrack } = view.parts;
  const counter = conntrack.state === 'ok' ? conntrack.value.insertFailed : null;
  const often = counter === null ? null : perMinute(counter);
  if (counter === null || often === null || often < usualPerMinute) return [];
  return [
    {
      subject: nodeSubject(view),
      summary: `On ${view.name} ${Math.round(often)} new connections a minute are lost because their entries clash: name lookups take five seconds and more.`,
      evidence: [fact('insert_failed', rate(counter)), fact('usual at most', `${usualPerMinute} in a minute`)],
      remediation: [watchIt(view.name)],
      frontends: [],
    },
  ];
}

function watchIt(node: string): Remedy {
  return {
    command: 'conntrack -E -e NEW -p udp --orig-port-dst 53 -o timestamp | head -n 200',
    effect: `Run on ${node}: shows which clients ask for names, as it happens. Two lines with the same source port and time are the pattern.`,
  };
}
