/**
 * Pod sandboxes as the container runtime itself lists them (Kubernetes' Container Runtime Interface, k8s.io/cri-api,
 * pkg/apis/runtime/v1/api.proto). Where its network namespace lies, containerd and CRI-O tell with a sandbox's status as
 * JSON under `info`, with the OCI specification (opencontainers/runtime-spec, config-linux.md) in it:
 *
 *     {"pid":4711,"runtimeSpec":{"linux":{"namespaces":[{"type":"pid"},
 *       {"type":"network","path":"/var/run/netns/cni-ad1c7c5e-..."}]}}}
 */
import { parseAddress } from '../../proto/address.ts';
import type { Part, Sandbox, SandboxesReport, SandboxNetwork } from '../../proto/parts.ts';
import type { Host } from '../host.ts';
import type { ListedSandbox, SandboxStatus } from '../host-cri.ts';
import { cut } from './cni/reading.ts';
import { fieldOf } from './ip-list.ts';

const mostSandboxes = 2000;
const mostAsked = 500;
const mostAddresses = 20;
const longest = { id: 64, name: 253, runtime: 128 };
const namespaceFolders = /^(?:\/var)?\/run\/netns\/([^/]{1,256})$/;

/** Reads them again and again. Of each sandbox the network is asked for once: it stays what it is. */
export class SandboxesReader {
  readonly #host: Host;
  readonly #now: () => Date;
  #known: ReadonlyMap<string, SandboxNetwork> = new Map();
  /** Were asked for in vain, and are asked for last the next time. */
  #unanswered: ReadonlySet<string> = new Set();

  constructor(host: Host, now: () => Date) {
    this.#host = host;
    this.#now = now;
  }

  /** Reads once; `absent` where the user has named no socket, `failed` where nobody answers at it. */
  async read(): Promise<Part<SandboxesReport>> {
    let shown: readonly ListedSandbox[] = [];
    let asked: readonly string[] = [];
    const result = await this.#host.sandboxes?.((listed) => {
      shown = inOrder(listed).slice(0, mostSandboxes);
      asked = this.#wanted(shown);
      return asked;
    });
    if (result === undefined) return { state: 'absent' };
    if (!result.ok) return { state: 'failed', reason: result.message };
    const { runtime, sandboxes, statuses } = result;
    const isShown = new Set(shown.map(({ id }) => id));
    this.#known = new Map([
      ...[...this.#known].filter(([id]) => isShown.has(id)),
      ...[...statuses].map(([id, status]) => [id, networkOf(status)] as const),
    ]);
    this.#unanswered = new Set(asked.filter((id) => !statuses.has(id)));
    const value = {
      runtime: cut(runtime, longest.runtime),
      sandboxes: { total: sandboxes.length, first: shown.map((one) => sandboxOf(one, this.#known.get(one.id))) },
    };
    return { state: 'ok', value, collectedAt: this.#now().toISOString() };
  }

  #wanted(shown: readonly ListedSandbox[]): readonly string[] {
    const unknown = shown.flatMap(({ id, ready }) => (ready && !this.#known.has(id) ? [id] : []));
    const inVain = (id: string) => Number(this.#unanswered.has(id));
    return unknown.toSorted((one, other) => inVain(one) - inVain(other)).slice(0, mostAsked);
  }
}

/** A runtime lists them in any order. Those that are cut have ended. */
function inOrder(listed: readonly ListedSandbox[]): readonly ListedSandbox[] {
  return listed.toSorted((one, other) => {
    if (one.ready !== other.ready) return one.ready ? -1 : 1;
    return one.id < other.id ? -1 : Number(one.id > other.id);
  });
}

/** The network of one that has ended is not shown: its addresses may be others' by now. */
function sandboxOf(listed: ListedSandbox, network: SandboxNetwork | undefined): Sandbox {
  const { id, namespace, name, uid, attempt, ready, createdAt } = listed;
  return {
    id: cut(id, longest.id),
    namespace: cut(namespace, longest.name),
    name: cut(name, longest.name),
    uid: cut(uid, longest.id),
    attempt,
    ready,
    createdAt: new Date(Number(createdAt / 1_000_000n)).toISOString(),
    network: ready ? (network ?? null) : null,
  };
}

function networkOf({ hostNetwork, addresses: texts, info }: SandboxStatus): SandboxNetwork {
  if (hostNetwork) return { of: 'node' };
  const addresses = texts.slice(0, mostAddresses).flatMap((text) => parseAddress(text) ?? []);
  return { of: 'pod', addresses, networkNamespace: namespaceIn(info) };
}

function namespaceIn(info: string): string | null {
  let content: unknown;
  try {
    content = JSON.parse(info);
  } catch {
    return null;
  }
  const namespaces = fieldOf(fieldOf(fieldOf(content, 'runtimeSpec'), 'linux'), 'namespaces');
  const network = (Array.isArray(namespaces) ? namespaces : []).find((one) => fieldOf(one, 'type') === 'network');
  const path = fieldOf(network, 'path');
  return typeof path === 'string' ? (namespaceFolders.exec(path)?.[1] ?? null) : null;
}
