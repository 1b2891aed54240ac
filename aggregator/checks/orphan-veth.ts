/*
 * A sandbox ends, and the CNI plugin's DEL fails half-way or never runs (a runtime that was killed, a plugin that was
 * replaced, a node that was reset): the node keeps the link, or a route to the address, of a pod that is gone (calico#7554,
 * calico#10723, containernetworking plugins). The next pod that gets the address is not reached.
 */
import type { Address } from '../../proto/address.ts';
import { addressSet, contains, prefixSet } from '../../proto/prefixes.ts';
import type { CniResult, NodeLink, NodeRoute } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { cniHere } from './shared/cni.ts';
import { fact } from './shared/evidence.ts';
import { isAlive, isOfKnownPod, networksOfPods } from './shared/live-sandboxes.ts';
import { linkNamed } from './shared/overlay.ts';
import { shellWord } from './shared/remedies.ts';
import { linkTopic } from './shared/topics.ts';

export const orphanVeth: NodeCheck = {
  id: 'orphan-veth',
  layer: 'L1',
  scope: 'node',
  severity: 'medium',
  title: 'A link or route of a pod that is gone',
  explanation: `The node has a link that was made for a sandbox whose pod the API does not know any more, or a route to a single address of its pod range that no pod has. It is left over: deleting the sandbox failed half-way. It does little harm by itself; the next pod that gets the same address is not reached, or does not start.`,
  falsePositives: `Whose link it is, libcni's own record says; links of other software (Docker, Podman, virtual machines) have none and are not told. Of routes only those to single addresses inside the node's own pod range count, by links that pods have. A sandbox that still has a process is not left over, whatever the API says: static pods have another UID there, and a pod deleted by force goes on for a while. A pod that is just ending has its link for a while: it must be gone for seven minutes, since a quiet node is read every five.`,
  remediation: `Delete the link: the kernel takes its routes with it. \`crictl pods\` on the node shows whether a sandbox is left as well, and \`crictl rmp\` removes it properly.`,
  needs: ['cni', 'links', 'routes', 'pods'],
  // A quiet node is read every five minutes: until then its links and files look as before the pod went.
  holdForSeconds: 420,
  clearForSeconds: 30,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const left = [...leftLinks(view), ...leftRoutes(view)];
  return [...new Map(left.map((one) => [one.name, one])).values()].map((one) => violation(view, one));
}

/** What is left, by the link's name. */
interface Left {
  readonly name: string;
  readonly text: string;
  readonly evidence: readonly (readonly [string, string])[];
}

/** Links in the records of sandboxes whose pod is gone; of a pod's older sandbox nothing is said. */
function leftLinks(view: NodeView): readonly Left[] {
  const { cni } = view.parts;
  const here = cniHere(view);
  if (cni.state !== 'ok' || here === null || here.wiring === 'other') return [];
  const networks = networksOfPods(view);
  const ended = cni.value.results.first.filter((one) => networks.has(one.network) && hasEnded(view, one));
  const used = new Set(
    cni.value.results.first.filter((one) => !ended.includes(one)).flatMap(({ nodeLinks }) => nodeLinks),
  );
  return ended.flatMap((result) => {
    if (result.pod === null) return [];
    const pod = `${result.pod.namespace}/${result.pod.name}`;
    return result.nodeLinks.flatMap((name) => {
      const link = linkNamed(view, name);
      if (link === null || link.kind !== 'veth' || used.has(name)) return [];
      return [
        {
          name,
          text: `it was made for ${pod}, which is gone`,
          evidence: [
            ['sandbox', result.container],
            ['pod', pod],
          ] as const,
        },
      ];
    });
  });
}

/** Where the record has no UID, or processes are not seen, a pod of the same name on whatever node may be its own. */
function hasEnded(view: NodeView, result: CniResult): boolean {
  const { pod } = result;
  if (pod === null || isOfKnownPod(view, result) || isAlive(view, result)) return false;
  const isByName = pod.uid === null || view.parts.podNetworks.state !== 'ok';
  for (const one of view.objects.podsIn(pod.namespace)) {
    if (one.name === pod.name && (isByName || pod.uid === one.uid)) return false;
  }
  return true;
}

/** Routes to single addresses of the node's own range that no pod has. */
function leftRoutes(view: NodeView): readonly Left[] {
  const { routes, addresses } = view.parts;
  const ranges = prefixSet(view.node?.podCIDRs ?? []);
  if (routes.state !== 'ok' || cniHere(view)?.wiring !== 'routed') return [];
  const own = addressSet(addresses.state === 'ok' ? addresses.value.addresses.map(({ address }) => address) : []);
  const seen = addressesSeen(view);
  return routes.value.routes.first.flatMap((route) => {
    const address = singleAddress(route);
    const link = route.link === null ? null : linkNamed(view, route.link);
    if (address === null || link === null || !isOfPods(link) || !contains(ranges, address)) return [];
    if (contains(own, address) || view.objects.podsWithAddress(address).length > 0 || seen.has(address)) return [];
    return [
      {
        name: link.name,
        text: `its route leads to ${address}, which no pod has`,
        evidence: [['route', `${address} dev ${link.name}`]] as const,
      },
    ];
  });
}

/** Those of pods that have a process. */
function addressesSeen({ parts: { podNetworks } }: NodeView): ReadonlySet<Address> {
  const pods = podNetworks.state === 'ok' ? podNetworks.value.pods.first : [];
  return new Set(pods.flatMap(({ addresses }) => addresses.map(({ address }) => address)));
}

function singleAddress({ destination, kind, table }: NodeRoute): Address | null {
  const [address, length] = destination.split('/');
  const isSingle = length === '32' || length === '128';
  return kind === 'unicast' && table === 'main' && isSingle ? (address as Address) : null;
}

function isOfPods({ kind, peerNamespaceId, master }: NodeLink): boolean {
  return kind === 'veth' && peerNamespaceId !== null && master === null;
}

function violation(view: NodeView, { name, text, evidence }: Left): Violation {
  return {
    subject: { kind: 'Link', name },
    summary: `${view.name} has ${name} left over: ${text}.`,
    evidence: evidence.map(([what, value]) => fact(what, value)),
    remediation: [
      {
        command: `ip link delete ${shellWord(name)}`,
        effect: `Run on ${view.name}: removes the link and every route by it. Look first that no sandbox uses it: crictl pods.`,
      },
    ],
    frontends: [],
    topics: [linkTopic(name)],
  };
}
