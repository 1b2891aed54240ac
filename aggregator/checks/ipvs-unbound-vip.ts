/*
 * In ipvs mode a packet gets to a virtual server only if its address is the node's own: kube-proxy binds every service
 * address on the dummy link kube-ipvs0. An address is lost there when somebody deletes it or the link (network scripts,
 * NetworkManager, systemd-networkd cleaning up what they did not make: kubernetes#71071); then the node routes the
 * packets of pods and other hosts away, while its own, which the load balancer sees before they are routed, still get
 * there. An address that stays there without a virtual server (kubernetes#75262) makes the node swallow what is sent to
 * whoever has the address now.
 */
import type { Address } from '../../proto/address.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { IpvsReport } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import { subjectText } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { groupBySubject } from './shared/faults.ts';
import { driftClock, nodeSubject, unique } from './shared/findings.ts';
import { frontendsServed, ipvsOf, type ServedFrontend } from './shared/ipvs.ts';
import { restartKubeProxy } from './shared/remedies.ts';
import { counted, joined } from './shared/words.ts';

const link = 'kube-ipvs0';

export const ipvsUnboundVip: NodeCheck = {
  id: 'ipvs-unbound-vip',
  layer: 'L3',
  scope: 'node',
  severity: 'high',
  title: 'A service address and its virtual server do not go together',
  explanation: `In ipvs mode a service address works only with two things: a virtual server, and the address on a link of the node, which makes the kernel take the packets in. kube-proxy binds the addresses on ${link}.

Where the address is on no link, packets of pods and outside clients are routed away and nobody answers; the node's own processes still reach the Service, so checks that run on the node see nothing. Where the address is bound and its virtual server is gone, connections are refused by the node itself. Where neither a Service nor a virtual server has a bound address, the node swallows packets to whoever has that address now (\`medium\`).`,
  falsePositives: `External and load-balancer addresses that another link of the node has are not bound on ${link} by design, and count as bound. Virtual servers that no Service asks for are \`stale-service\`, wherever their address is; those of node ports at an address that the node has lost, too, until kube-proxy's next sync. A virtual server without endpoints is as it should be. An address and its virtual server come and go within one sync, so a single reading in its midst is not told.`,
  remediation: `Restart kube-proxy on the node: its first sync binds every address and makes every virtual server. Then find out who deletes addresses of ${link}: tell NetworkManager or systemd-networkd to leave the link alone (\`unmanaged\`).`,
  needs: ['drift', 'ipvs'],
  ...driftClock,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const report = ipvsOf(view);
  if (report === null) return [];
  const drifting = new Set(view.drift.filter(({ kind }) => kind !== 'stale').map(({ key }) => key));
  const unbound = report.unboundServers.first
    .flatMap((server) => frontendsServed(view, server))
    .filter(({ key }) => view.desired?.has(key) === true && drifting.has(key));
  const isLinkGone = view.parts.addresses.state === 'ok' && !view.parts.addresses.value.links.includes(link);
  const lost =
    unbound.length > 0 && (isLinkGone || report.unboundServers.total > report.unboundServers.first.length)
      ? [linkViolation(view, report, isLinkGone)]
      : groupBySubject(view, unbound).map(({ subject, items }) => unboundViolation(view, subject, items));
  return [...lost, ...report.idleAddresses.first.flatMap((address) => idleViolations(view, address))];
}

/** More than a report lists: one finding of the node. */
function linkViolation(view: NodeView, { unboundServers: { total } }: IpvsReport, isLinkGone: boolean): Violation {
  const keys = view.drift
    .filter(({ kind, frontend }) => kind !== 'stale' && frontend.address !== 'node')
    .map(({ key }) => key);
  const what = isLinkGone ? `The link ${link} is gone from ${view.name}` : `${link} of ${view.name} lacks addresses`;
  return {
    subject: nodeSubject(view),
    summary: `${what}: ${counted(total, 'virtual server')} get no packets from pods and outside clients.`,
    severity: 'critical',
    evidence: [fact('virtual servers whose address is on no link', String(total))],
    remediation: [restartKubeProxy(view.name)],
    frontends: keys,
    explains: keys,
  };
}

function unboundViolation(view: NodeView, subject: Violation['subject'], items: readonly ServedFrontend[]): Violation {
  const addresses = addressesOf(items);
  const keys = unique(items.map(({ key }) => key));
  const are = addresses.length === 1 ? 'is' : 'are';
  return {
    subject,
    summary: `${joined(addresses)} of ${subjectText(subject)} ${are} on no link of ${view.name}: packets of pods and outside clients are routed away instead of reaching the virtual server.`,
    evidence: addresses.map((address) => fact(`address on no link`, address)),
    remediation: [...addresses.map(bind), restartKubeProxy(view.name)],
    frontends: keys,
    explains: keys,
  };
}

/** A bound address that no virtual server has. */
function idleViolations(view: NodeView, address: Address): readonly Violation[] {
  const wanted = [...(view.desired ?? [])].flatMap(([key, { frontend }]) =>
    frontend.address === address ? [{ key, frontend }] : [],
  );
  if (wanted.length === 0) return [strayViolation(view, address)];
  const drifting = new Set<FrontendKey>(view.drift.map(({ key }) => key));
  const missing = wanted.filter(({ key }) => drifting.has(key));
  return groupBySubject(view, missing).map(({ subject, items }) => {
    const keys = unique(items.map(({ key }) => key));
    return {
      subject,
      summary: `${address} of ${subjectText(subject)} is on ${link} of ${view.name} and no virtual server has it: the node itself answers, and refuses.`,
      evidence: [fact(`address on ${link} without a virtual server`, address)],
      remediation: [restartKubeProxy(view.name)],
      frontends: keys,
      explains: keys,
    };
  });
}

function strayViolation(view: NodeView, address: Address): Violation {
  return {
    subject: { kind: 'Rule', name: `${address} on ${link}` },
    summary: `${address} is on ${link} of ${view.name}, and neither a Service nor a virtual server has it: packets from this node and its pods to that address end here.`,
    severity: 'medium',
    evidence: [fact(`address on ${link} without a virtual server`, address)],
    remediation: [
      {
        command: `ip addr del ${address}/${lengthOf(address)} dev ${link}`,
        effect: `Packets to ${address} are routed to whoever has it.`,
      },
      restartKubeProxy(view.name),
    ],
    frontends: [],
  };
}

function addressesOf(items: readonly ServedFrontend[]): readonly Address[] {
  return unique(items.flatMap(({ frontend: { address } }) => (address === 'node' ? [] : [address])));
}

function bind(address: Address): Remedy {
  return {
    command: `ip addr add ${address}/${lengthOf(address)} dev ${link}`,
    effect: `The node takes packets to ${address} in again, at once.`,
  };
}

function lengthOf(address: Address): number {
  return address.includes(':') ? 128 : 32;
}
