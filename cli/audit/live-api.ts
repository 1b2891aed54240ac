/** The API objects that this machine is held against, asked of the API server itself, by kubectl's rules. */
import { ApiClient } from '../../aggregator/cluster/api-client.ts';
import { type ApiError, apiErrorText } from '../../aggregator/cluster/api-error.ts';
import type { AskedObjectsOptions } from '../../aggregator/cluster/asked-objects.ts';
import { dnsConfigurationQuestions, foreignPolicyQuestions } from '../../aggregator/cluster/asked-kinds.ts';
import { httpTransport } from '../../aggregator/cluster/api-transport.ts';
import { type AccessWishes, findAccess } from '../../aggregator/cluster/find-access.ts';
import { listPages, type WholeList } from '../../aggregator/cluster/list-pages.ts';
import { Names } from '../../aggregator/cluster/names.ts';
import { systemTiming } from '../../aggregator/cluster/timing.ts';
import {
  endpointSliceResource,
  namespaceResource,
  networkPolicyResource,
  nodeResource,
  podEventResource,
  podResource,
  serviceResource,
  type WatchedResource,
} from '../../aggregator/cluster/watched-resource.ts';
import type { ClusterSnapshot } from '../../aggregator/model/cluster.ts';
import { done, type Outcome, refused } from '../refusal.ts';

const instead = 'Or take recorded lists: --api DIR.';
/** As many problems of objects are shown. */
const shownProblems = 3;

/** What the API server told. */
export interface LiveApi {
  readonly state: ClusterSnapshot;
  /** What may not be asked for and the audit can do without, one sentence each. */
  readonly gaps: readonly string[];
}

/**
 * Lists Services, EndpointSlices and Nodes once, and the rest where that is permitted.
 * @param attempted for the refusal: `audit this machine`.
 */
export async function readLiveApi(wishes: AccessWishes, attempted: string): Promise<Outcome<LiveApi>> {
  const found = await findAccess(wishes, systemTiming.monotonic);
  if (!found.ok) {
    return refused(attempted, found.message, `Name one with --kubeconfig FILE and --context NAME. ${instead}`);
  }
  const transport = httpTransport(found.access);
  const client = new ApiClient(transport, systemTiming);
  const gaps: string[] = [];
  try {
    const [services, endpointSlices, nodes, pods, namespaces, podEvents, networkPolicies] = await Promise.all([
      listAll(client, serviceResource, attempted),
      listAll(client, endpointSliceResource, attempted),
      listAll(client, nodeResource, attempted),
      listIfPermitted(client, podResource(new Names()), { attempted, gaps }),
      listIfPermitted(client, namespaceResource, { attempted, gaps }),
      listIfPermitted(client, podEventResource, { attempted, gaps }),
      listIfPermitted(client, networkPolicyResource, { attempted, gaps }),
    ]);
    const foreignPolicies = await askedIfPermitted(client, foreignPolicyQuestions, gaps);
    const dnsConfigurations = await askedIfPermitted(client, dnsConfigurationQuestions, gaps);
    if (!services.ok) return services;
    if (!endpointSlices.ok) return endpointSlices;
    if (!nodes.ok) return nodes;
    if (!pods.ok) return pods;
    if (!namespaces.ok) return namespaces;
    if (!podEvents.ok) return podEvents;
    if (!networkPolicies.ok) return networkPolicies;
    const state = {
      services: services.value,
      endpointSlices: endpointSlices.value,
      nodes: nodes.value,
      pods: pods.value,
      namespaces: namespaces.value,
      podEvents: podEvents.value,
      networkPolicies: networkPolicies.value,
      foreignPolicies,
      dnsConfigurations,
    };
    return done({ state, gaps });
  } finally {
    await transport.close();
  }
}

/** Null where that is not permitted, which is added to the gaps. */
async function listIfPermitted<T>(
  client: ApiClient,
  resource: WatchedResource<T>,
  { attempted, gaps }: { readonly attempted: string; readonly gaps: string[] },
): Promise<Outcome<readonly T[] | null>> {
  const list = await listPages(client, resource);
  if (list.ok) return readAll(list.value, attempted);
  if (list.error.status !== 403) return refused(attempted, apiErrorText(list.error), adviceFor(list.error));
  gaps.push(`what takes ${resource.of} is not checked: ${apiErrorText(list.error)}`);
  return done(null);
}

/** All that is there of kinds that may not be installed; null where any may not be asked, which is added to the gaps. */
async function askedIfPermitted<T>(
  client: ApiClient,
  questions: AskedObjectsOptions<T>['questions'],
  gaps: string[],
): Promise<readonly T[] | null> {
  const { signal } = new AbortController();
  const answers = await Promise.all(questions.map((question) => question(client, signal)));
  const refusal = answers.find((answer) => !answer.ok && answer.error.status !== 404);
  if (refusal === undefined || refusal.ok) return answers.flatMap((answer) => (answer.ok ? answer.value : []));
  gaps.push(`what takes more of the API is not checked: ${apiErrorText(refusal.error)}`);
  return null;
}

async function listAll<T>(
  client: ApiClient,
  resource: WatchedResource<T>,
  attempted: string,
): Promise<Outcome<readonly T[]>> {
  const list = await listPages(client, resource);
  if (!list.ok) return refused(attempted, apiErrorText(list.error), adviceFor(list.error));
  return readAll(list.value, attempted);
}

function readAll<T>({ objects }: WholeList<T>, attempted: string): Outcome<readonly T[]> {
  const readings = objects.map(({ reading }) => reading);
  const problems = readings.flatMap((reading) => (reading.ok ? [] : reading.problems));
  if (problems.length === 0) {
    return done(readings.flatMap((reading) => (reading.ok && reading.value !== null ? [reading.value] : [])));
  }
  const more = problems.length > shownProblems ? `; and ${problems.length - shownProblems} more problems` : '';
  const shown = problems.slice(0, shownProblems).join('; ');
  return refused(
    attempted,
    `${shown}${more}`,
    'This version cannot read these objects, and judges nothing without them.',
  );
}

function adviceFor({ status, reason }: ApiError): string {
  if (status === 401 || reason === 'credentials') {
    return `Log in again, or choose other credentials with --kubeconfig and --context. ${instead}`;
  }
  if (status === 403) {
    return `Whoever asks must be allowed to list services, endpointslices.discovery.k8s.io and nodes in all namespaces. ${instead}`;
  }
  return `See whether \`kubectl get nodes\` has an answer from this machine. ${instead}`;
}
