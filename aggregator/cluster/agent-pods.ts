/** The pods of the agents by their UID, to tell whose stream it is; and who wants to know when one is gone. */
import type { AgentPod } from '../model/feeds.ts';
import type { ApiClient } from './api-client.ts';
import { listPages } from './list-pages.ts';
import type { ObjectChange } from './object-table.ts';
import { seenObject, type WatchedResource } from './watched-resource.ts';

export class AgentPods {
  readonly #client: ApiClient;
  readonly #resource: WatchedResource<AgentPod>;
  readonly #byUid = new Map<string, AgentPod>();
  #listing: Promise<readonly AgentPod[]> | null = null;
  readonly #goneListeners = new Set<(pod: AgentPod) => void>();

  constructor(client: ApiClient, resource: WatchedResource<AgentPod>) {
    this.#client = client;
    this.#resource = resource;
  }

  byUid(uid: string): AgentPod | null {
    return this.#byUid.get(uid) ?? null;
  }

  /**
   * Asks the API itself, for the watch may lag behind. Null when there is no such pod, or no answer.
   * @param name its name where that is known: one pod is then asked for, else all agents' pods.
   */
  async refresh(uid: string, name?: string): Promise<AgentPod | null> {
    const { path, kind } = this.#resource;
    if (name === undefined) return (await this.#listNow()).find((pod) => pod.uid === uid) ?? null;
    const answer = await this.#client.get(`${path}/${encodeURIComponent(name)}`);
    if (!answer.ok) return null;
    const { reading } = seenObject(answer.value, kind);
    return reading.ok && reading.value?.uid === uid ? reading.value : null;
  }

  /** Many that ask at once share one list. */
  #listNow(): Promise<readonly AgentPod[]> {
    this.#listing ??= listPages(this.#client, this.#resource)
      .then((list) => (list.ok ? list.value.objects : []))
      .then((objects) =>
        objects.flatMap(({ reading }) => (reading.ok && reading.value !== null ? [reading.value] : [])),
      )
      .finally(() => {
        this.#listing = null;
      });
    return this.#listing;
  }

  /** Calls for each pod that went; a new one under the same name is another. @returns what ends it. */
  onGone(listener: (pod: AgentPod) => void): () => void {
    this.#goneListeners.add(listener);
    return () => this.#goneListeners.delete(listener);
  }

  /** The watch told of these. */
  take(changes: readonly ObjectChange<AgentPod>[]): void {
    const went: AgentPod[] = [];
    for (const { before, after } of changes) {
      if (before !== null && before.uid !== after?.uid) {
        this.#byUid.delete(before.uid);
        went.push(before);
      }
      if (after !== null) this.#byUid.set(after.uid, after);
    }
    for (const pod of went) for (const listener of this.#goneListeners) listener(pod);
  }
}
