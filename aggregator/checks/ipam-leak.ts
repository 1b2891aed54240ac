/*
 * host-local gives an address away by a file, and takes it back when the sandbox is deleted. Where the deletion fails or
 * never runs (a node that was switched off, a runtime whose state was wiped, a plugin without permission), the file stays
 * for ever; after enough boots no address is left (k3s#4682, k3s#5885, kube-router#383, kubernetes#86944).
 */
import { familyOf, type Prefix } from '../../proto/address.ts';
import { prefixSet, contains } from '../../proto/prefixes.ts';
import type { CniReport, CniReservation } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Remedy, Severity, Violation } from '../model/finding.ts';
import { cniHere } from './shared/cni.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { networksOfPods } from './shared/live-sandboxes.ts';
import { shellWord } from './shared/remedies.ts';
import { nodeTopic } from './shared/topics.ts';
import { podsWith } from './shared/wired-pods.ts';
import { joined } from './shared/words.ts';

export const ipamLeak: NodeCheck = {
  id: 'ipam-leak',
  layer: 'L1',
  scope: 'node',
  severity: 'high',
  title: 'Addresses are reserved for pods that are gone',
  explanation: `host-local has files in \`/var/lib/cni/networks\` that reserve addresses for sandboxes which do not exist any more. Each is an address that no pod gets; when none is left, new pods wait with "no IP addresses available in range set". They are left when a node is switched off hard, when a container runtime's state is wiped while \`/var/lib/cni\` stays, or when deleting a sandbox fails.`,
  falsePositives: `A reservation counts as left over only where its container is neither in libcni's records nor has a process, where no pod has the address, and where that is so in readings seven minutes apart: a sandbox that is just being made has its reservation first, so as many as pods wait here do not count while there are addresses left. Networks of other programs (Podman, nerdctl) are left alone. Without a view of pods' processes, or of the runtime's own list, nothing is said.`,
  remediation: `Remove the files with the command of the finding, once \`crictl pods\` shows no sandbox with that id. A reboot brings no change; draining the node and deleting all of \`/var/lib/cni/networks\` does.`,
  needs: ['cni', 'podNetworks', 'pods'],
  // A quiet node is read every five minutes: until then its links and files look as before the pod went.
  holdForSeconds: 420,
  clearForSeconds: 30,
  evaluate,
};

/** From here on new pods are in danger. */
const nearlyUsedUp = 0.9;
const mostNamed = 20;
const mostRemoved = 300;

function evaluate(view: NodeView): readonly Violation[] {
  const { cni, podNetworks } = view.parts;
  if (cni.state !== 'ok' || podNetworks.state !== 'ok') return [];
  const alive = liveContainers(view);
  if (alive === null) return [];
  const networks = isElsewhere(view) ? new Set<string>() : networksOfPods(view);
  const leaked = cni.value.reservations.first.filter(
    ({ network, container, address }) =>
      networks.has(network) && container !== '' && !alive.has(container) && podsWith(view, address).length === 0,
  );
  const isTried = new Set(leaked.map(({ container }) => container)).size <= waiting(view);
  if (leaked.length === 0 || (isTried && !isShort(usage(view, cni.value)))) return [];
  return [violation(view, cni.value, leaked)];
}

/** host-local was told another folder, so what lies in the usual one is of before. */
function isElsewhere(view: NodeView): boolean {
  const folders = (cniHere(view)?.configuration.settings ?? []).flatMap(({ stateFolder }) => stateFolder ?? []);
  return folders.some((folder) => folder.replace(/\/+$/, '') !== '/var/lib/cni/networks');
}

/** Pods whose sandbox may be made at this moment, with an address already. */
function waiting({ objects, name }: NodeView): number {
  return [...objects.podsOn(name)].filter(
    ({ hostNetwork, phase, terminating, addresses, sandboxReady }) =>
      !hostNetwork &&
      !terminating &&
      (phase === 'Pending' || phase === 'Running') &&
      (addresses.length === 0 || sandboxReady === false),
  ).length;
}

/** Ids of sandboxes and containers that there are; null where that is not known as a whole. */
function liveContainers({ parts: { cni, podNetworks, sandboxes } }: NodeView): ReadonlySet<string> | null {
  if (cni.state !== 'ok' || podNetworks.state !== 'ok') return null;
  const { pods, unread } = podNetworks.value;
  const { results } = cni.value;
  const isWhole = pods.total === pods.first.length && results.total === results.first.length && unread === 0;
  if (!isWhole) return null;
  const told = sandboxes.state === 'ok' ? sandboxes.value.sandboxes : null;
  if (told !== null && told.total > told.first.length) return null;
  // A record of libcni is left by the same accident as a reservation: only its own pod's being there makes it count.
  const named = new Set(pods.first.flatMap(({ pod }) => (pod === null ? [] : [`${pod.namespace}/${pod.name}`])));
  const recorded = results.first.filter(({ pod }) => pod !== null && named.has(`${pod.namespace}/${pod.name}`));
  return new Set([
    ...pods.first.flatMap(({ containers }) => containers),
    ...recorded.map(({ container }) => container),
    ...(told?.first ?? []).map(({ id }) => id),
  ]);
}

interface Usage {
  readonly used: number;
  readonly size: number;
}

function isShort(use: Usage | null): boolean {
  return use !== null && use.used / use.size > nearlyUsedUp;
}

/** Of the ranges of the configuration: how much of them is given away; null where they are not known. */
function usage(view: NodeView, { reservations }: CniReport): Usage | null {
  const ranges: readonly Prefix[] = (cniHere(view)?.configuration.settings ?? []).flatMap((one) => one.ranges);
  const ipv4 = ranges.filter((range) => familyOf(range) === 'ipv4');
  if (ipv4.length === 0 || reservations.total > reservations.first.length) return null;
  const set = prefixSet(ipv4);
  // Network, broadcast and gateway are not given away.
  const size = ipv4.reduce((sum, range) => sum + Math.max(0, 2 ** (32 - Number(range.split('/')[1])) - 3), 0);
  const used = new Set(reservations.first.map(({ address }) => address).filter((address) => contains(set, address)))
    .size;
  return size === 0 ? null : { used, size };
}

function violation(view: NodeView, cni: CniReport, leaked: readonly CniReservation[]): Violation {
  const use = usage(view, cni);
  const isCritical = isShort(use);
  const severity: { readonly severity?: Severity } = isCritical ? { severity: 'critical' } : {};
  const left = use === null ? '' : `; ${use.used} of ${use.size} are given away`;
  return {
    subject: nodeSubject(view),
    summary: `${leaked.length === 1 ? '1 address' : `${leaked.length} addresses`} of ${view.name} ${leaked.length === 1 ? 'is' : 'are'} reserved for pods that are gone: ${joined(
      leaked.map(({ address }) => address),
      3,
    )}${left}.`,
    evidence: [
      ...leaked
        .slice(0, mostNamed)
        .map(({ network, address, container }) =>
          fact(`${network} ${address}`, `reserved for ${container.slice(0, 13)}`),
        ),
      ...(leaked.length > mostNamed ? [fact('not shown', `${leaked.length - mostNamed} more`)] : []),
      ...(use === null ? [] : [fact('given away', `${use.used} of ${use.size}`)]),
    ],
    remediation: [looksFirst(view, leaked), ...removals(view, leaked)],
    frontends: [],
    topics: [nodeTopic],
    ...(isCritical ? { explainsTopics: 'all' as const } : {}),
    ...severity,
  };
}

/** So many letters of a container's id tell it from all others. */
const idLetters = 13;

function looksFirst({ name }: NodeView, leaked: readonly CniReservation[]): Remedy {
  const ids = leaked.slice(0, mostNamed).map(({ container }) => shellWord(container.slice(0, idLetters)));
  return {
    command: `crictl pods --no-trunc -q | grep -e ${ids.join(' -e ')}`,
    effect: `Run on ${name} first: it must print nothing, or those sandboxes live.`,
  };
}

/** One for each network. */
function removals({ name }: NodeView, leaked: readonly CniReservation[]): readonly Remedy[] {
  const byNetwork = Map.groupBy(leaked.slice(0, mostRemoved), ({ network }) => network);
  return [...byNetwork].map(([network, of]) => ({
    command: `cd ${shellWord(`/var/lib/cni/networks/${network}`)} && rm ${of.map(({ address }) => address).join(' ')}`,
    effect: `Run on ${name}: these addresses can be given away again.`,
  }));
}
