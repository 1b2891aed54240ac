/**
 * The container runtime's socket, behind the door that is host.ts: three questions of the Container Runtime Interface
 * (proto/cri/runtime.proto), which change nothing. Asked only where the user has named the socket: whoever can connect to
 * it can do everything on the node.
 *
 * There is one channel for as long as the agent lives, which connects when it is first asked and again after the runtime
 * has restarted. A channel for each reading would leave a connection behind at each, where whoever listens takes
 * connections and is silent: grpc-js does not end what it has only begun (Http2SubchannelConnector.shutdown).
 */
import { stat } from 'node:fs/promises';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  type ListPodSandboxResponse,
  NamespaceMode,
  type PodSandbox,
  PodSandboxState,
  type PodSandboxStatusResponse,
  RuntimeServiceClient,
  type VersionResponse,
} from '../proto/generated/cri/runtime.ts';

/** A sandbox as the runtime lists it; texts as it gave them. */
export interface ListedSandbox {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly attempt: number;
  readonly ready: boolean;
  /** Nanoseconds since 1970. */
  readonly createdAt: bigint;
}

/** What more a runtime tells of one sandbox; texts as it gave them. */
export interface SandboxStatus {
  /** It has the node's own network. */
  readonly hostNetwork: boolean;
  readonly addresses: readonly string[];
  /** JSON; empty where the runtime tells no more. */
  readonly info: string;
}

export type SandboxesResult =
  | {
      readonly ok: true;
      /** `containerd 1.6.20` */
      readonly runtime: string;
      /** In no order. */
      readonly sandboxes: readonly ListedSandbox[];
      /** By id, of those that were chosen and answered for. */
      readonly statuses: ReadonlyMap<string, SandboxStatus>;
    }
  | {
      readonly ok: false;
      /** `unimplemented`: whoever listens there does not speak this interface. */
      readonly kind: 'absent' | 'not-permitted' | 'deadline' | 'too-long' | 'unimplemented' | 'failed';
      readonly message: string;
    };

/** Says of which sandboxes the status is wanted, by id: in this order. */
export type ChooseSandboxes = (listed: readonly ListedSandbox[]) => readonly string[];

/** For each call. */
const longestMs = 5000;
const longestDetails = 300;
/** A sandbox may hang; a runtime that hangs would be waited for once for each. */
const mostUnanswered = 2;

const options = {
  'grpc.default_authority': 'localhost',
  'grpc.enable_retries': 0,
  'grpc.enable_channelz': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.max_receive_message_length': 8 * 1024 * 1024,
  'grpc.max_reconnect_backoff_ms': 60_000,
  // What is idle stays connected: the longest that a timer takes.
  'grpc.client_idle_timeout_ms': 2 ** 31 - 1,
} as const;

/**
 * A way to the runtime that listens at a path; nothing is opened yet.
 * @returns what asks it for its sandboxes: it never throws, and asks each question once.
 */
export function runtimeAt(path: string, deadlineMs = longestMs): (choose: ChooseSandboxes) => Promise<SandboxesResult> {
  const client = new RuntimeServiceClient(`unix:${path}`, credentials.createInsecure(), options);
  const call: NewCall = () => [new Metadata(), { deadline: Date.now() + deadlineMs }];
  return async (choose) => {
    const wrong = await whyNoSocket(path);
    if (wrong !== null) return wrong;
    const runtime = await answerTo<VersionResponse>((done) => client.version({ version: '' }, ...call(), done));
    if (!runtime.ok) return failureOf(`Version of the container runtime at ${path}`, runtime.error);
    const listed = await answerTo<ListPodSandboxResponse>((done) => client.listPodSandbox({}, ...call(), done));
    if (!listed.ok) return failureOf(`ListPodSandbox of the container runtime at ${path}`, listed.error);
    const { runtimeName, runtimeVersion } = runtime.value;
    const sandboxes = listed.value.items.map(listedOf);
    const statuses = await statusesOf(client, call, choose(sandboxes));
    return { ok: true, runtime: `${runtimeName} ${runtimeVersion}`.trim(), sandboxes, statuses };
  };
}

/** What is not answered is left out: a sandbox that went meanwhile, and what comes behind those that hang. */
async function statusesOf(
  client: RuntimeServiceClient,
  call: NewCall,
  ids: readonly string[],
): Promise<ReadonlyMap<string, SandboxStatus>> {
  const statuses = new Map<string, SandboxStatus>();
  let unanswered = 0;
  for (const podSandboxId of ids) {
    if (unanswered === mostUnanswered) break;
    const request = { podSandboxId, verbose: true };
    const answer = await answerTo<PodSandboxStatusResponse>((done) =>
      client.podSandboxStatus(request, ...call(), done),
    );
    const told = answer.ok ? statusOf(answer.value) : null;
    if (told !== null) statuses.set(podSandboxId, told);
    else if (answer.ok || answer.error.code !== status.NOT_FOUND) unanswered++;
  }
  return statuses;
}

function listedOf({ id, metadata, state, createdAt }: PodSandbox): ListedSandbox {
  const { namespace = '', name = '', uid = '', attempt = 0 } = metadata ?? {};
  return { id, namespace, name, uid, attempt, ready: state === PodSandboxState.SANDBOX_READY, createdAt };
}

/** Null of an answer that tells nothing. */
function statusOf({ status: told, info }: PodSandboxStatusResponse): SandboxStatus | null {
  if (told === undefined) return null;
  const { ip = '', additionalIps = [] } = told.network ?? {};
  return {
    hostNetwork: told.linux?.namespaces?.options?.network === NamespaceMode.NODE,
    addresses: [ip, ...additionalIps.map((more) => more.ip)].filter((text) => text !== ''),
    info: info.info ?? '',
  };
}

type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ServiceError };

/** What goes with each call. */
type NewCall = () => readonly [Metadata, { readonly deadline: number }];

function answerTo<T>(ask: (done: (error: ServiceError | null, value: T) => void) => unknown): Promise<Answer<T>> {
  return new Promise((resolve) => {
    ask((error, value) => resolve(error === null ? { ok: true, value } : { ok: false, error }));
  });
}

type Failure = Extract<SandboxesResult, { readonly ok: false }>;

async function whyNoSocket(path: string): Promise<Failure | null> {
  try {
    const found = await stat(path);
    return found.isSocket() ? null : { ok: false, kind: 'failed', message: `${path} is no socket` };
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') return notThere(path);
    if (code === 'EACCES' || code === 'EPERM') return notPermitted(path, code);
    return { ok: false, kind: 'failed', message: `${path} could not be looked at: ${code}` };
  }
}

/** Rights of the network do not help here. */
const owner = 'connecting takes the user or group that the socket belongs to, which is mostly user 0';

function notThere(path: string): Failure {
  const advice = 'name the socket that the kubelet uses, and mount it where the agent runs in a container';
  return { ok: false, kind: 'absent', message: `${path} does not exist: ${advice}` };
}

function notPermitted(what: string, told: string): Failure {
  return { ok: false, kind: 'not-permitted', message: `not permitted: ${what}: ${told}; ${owner}` };
}

function failureOf(asked: string, { code, details }: ServiceError): Failure {
  const told = details.slice(0, longestDetails);
  if (code === status.DEADLINE_EXCEEDED) {
    return { ok: false, kind: 'deadline', message: `${asked}: no answer in time (${told})` };
  }
  if (code === status.UNIMPLEMENTED) {
    const why = 'it is older than containerd 1.6, or its CRI plugin is switched off';
    return { ok: false, kind: 'unimplemented', message: `${asked}: it does not speak runtime.v1; ${why} (${told})` };
  }
  if (code === status.RESOURCE_EXHAUSTED) return { ok: false, kind: 'too-long', message: `${asked}: ${told}` };
  if (/\b(?:EACCES|EPERM)\b/.test(details)) return notPermitted(asked, told);
  return { ok: false, kind: 'failed', message: `${asked}: ${told}` };
}
