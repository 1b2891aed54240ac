/** Which flows of UDP in a node's connection table are of Services, and which of those lead nowhere. */
import { type Address, type Backend, backendOf } from '../../../proto/address.ts';
import { frontendKey } from '../../../proto/canonical.ts';
import { type FrontendKey, origins } from '../../../proto/forwarding.ts';
import type { UdpFlow } from '../../../proto/parts.ts';
import { type DataplaneMode, valueOr } from '../../../proto/profile.ts';
import type { NodeView } from '../../model/check.ts';
import type { EndpointSlice } from '../../model/cluster.ts';
import type { DesiredOwner } from '../../model/desired.ts';
import { structuresOf } from './rules.ts';

/** A flow that goes to nobody who serves its Service. */
export interface DeadFlow {
  readonly flow: UdpFlow;
  readonly key: FrontendKey;
  readonly owner: DesiredOwner;
  /** The endpoints that do serve, in the flow's family; sorted. */
  readonly serving: readonly Address[];
}

/**
 * The dead flows of a node; none where its flows or its tables are not known. A flow is held against the rules first,
 * which make most of them: a node may have thousands, of a Service of hundreds of endpoints.
 */
export function deadFlows(view: NodeView): readonly DeadFlow[] {
  const { conntrack } = view.parts;
  const flows = conntrack.state === 'ok' ? (conntrack.value.udp?.first ?? []) : [];
  const unknown = new Set(view.drift.filter(({ kind }) => kind === 'unknown').map(({ key }) => key));
  const known = new Map<string, ReturnType<typeof servingAddresses>>();
  return flows.flatMap((flow) => {
    // The API is newer than the listing: whoever left within this minute still has flows in it, and kube-proxy has
    // a moment to delete them. A rollout of many pods has such flows in every listing.
    if (flow.lasting === false) return [];
    const owned = ownerOf(view, flow);
    if (owned === null || unknown.has(owned.key) || isOfTheRules(view, owned.key, flow)) return [];
    const { namespace, name, portName } = owned.owner;
    const asked = `${flow.family} ${namespace}/${name}:${portName}`;
    const serving = known.has(asked) ? (known.get(asked) ?? null) : servingAddresses(view, owned.owner, flow);
    known.set(asked, serving);
    if (serving === null || serving.includes(flow.backend) || isOfHostPort(view, flow)) return [];
    if (flow.backend === flow.destination && !isStuck(view, owned.key, { flow, serving })) return [];
    return [{ flow, ...owned, serving }];
  });
}

/** The service port that the API has at the flow's destination; null where it has none, so that it is somebody else's. */
function ownerOf(
  view: NodeView,
  { family, destination, port }: UdpFlow,
): { readonly key: FrontendKey; readonly owner: DesiredOwner } | null {
  const isLocal = valueOr(view.profile.localAddresses, []).includes(destination);
  for (const address of isLocal ? ([destination, 'node'] as const) : [destination]) {
    const key = frontendKey({ family, protocol: 'udp', address, port });
    const owner = view.owners.get(key);
    if (owner !== undefined && owner.kind !== null && view.desired?.has(key) === true) return { key, owner };
  }
  return null;
}

/**
 * Ready or not, terminating or not, near or far: whoever serves may keep its flows, as kube-proxy keeps them; so may
 * whoever is called ready without serving (publishNotReadyAddresses), for rules of other nodes and policies send there.
 * Null where the API does not know the Service.
 */
function servingAddresses(view: NodeView, owner: DesiredOwner, { family }: UdpFlow): readonly Address[] | null {
  const { namespace, name } = owner;
  if (view.objects.service(namespace, name) === null) return null;
  const slices = view.objects.endpointSlices(namespace, name).filter((slice) => slice.family === family);
  const serving = slices.filter((slice) => hasPort(slice, owner)).flatMap(({ endpoints }) => endpoints);
  return [
    ...new Set(serving.filter(({ serving: serves, ready }) => serves || ready).map(({ address }) => address)),
  ].sort();
}

function hasPort({ ports }: EndpointSlice, { portName }: DesiredOwner): boolean {
  return ports.some(({ name, protocol }) => name === portName && protocol === 'udp');
}

/** New flows go there as well, so the rules are at fault: that is told of them. */
function isOfTheRules({ observed }: NodeView, key: FrontendKey, { backend, backendPort }: UdpFlow): boolean {
  const forwarding = observed?.get(key)?.forwarding;
  if (forwarding === undefined) return false;
  const goal: Backend = backendOf(backend, backendPort);
  return origins.some((origin) => {
    const { route } = forwarding[origin];
    return route.action === 'forward' && route.backends.includes(goal);
  });
}

/** A pod's host port that is also a Service's port: who comes by it is the pod's. */
function isOfHostPort(view: NodeView, { port, backend, backendPort }: UdpFlow): boolean {
  const goal = backendOf(backend, backendPort);
  return structuresOf(view).some(({ hostPorts }) =>
    hostPorts.first.some((one) => one.protocol === 'udp' && one.port === port && one.backend === goal),
  );
}

/**
 * Whether a flow that is not translated should be: it was begun before there were rules for it. IPVS keeps translations
 * to itself; to a Service without endpoints, and from origins that no rule takes, packets pass untranslated by intent;
 * and not every address of the node has its node ports.
 */
function isStuck(
  { desired, profile }: NodeView,
  key: FrontendKey,
  { flow, serving }: Pick<DeadFlow, 'flow' | 'serving'>,
): boolean {
  const entry = desired?.get(key);
  if (entry === undefined || serving.length === 0) return false;
  if (valueOr<DataplaneMode>(profile.mode, 'none') === 'ipvs') return false;
  if (!origins.every((origin) => entry.forwarding[origin].route.action === 'forward')) return false;
  if (entry.frontend.address !== 'node') return true;
  const isLoopback = flow.destination === '::1' || flow.destination.startsWith('127.');
  return !isLoopback && valueOr(profile.nodePortAddresses, 'primary') === 'all';
}
