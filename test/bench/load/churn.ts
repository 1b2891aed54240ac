/** Rollouts in the stand-in of the API server, one write after the other: what Deployments and people do all day. */
import type { ApiStandIn } from '../../../cli/demo/api-server/stand-in.ts';
import {
  type ClusterSize,
  type LoadEndpoint,
  namespace,
  nodeNameOf,
  podAddressOf,
  serviceNameOf,
  serviceObject,
  sliceObject,
} from './api-objects.ts';

/** So many rollouts are under way at once. */
const mostUnderWay = 12;

/** The pods of all Services; every change of them is one write to the API. */
export class Churn {
  readonly #api: ApiStandIn;
  readonly #size: ClusterSize;
  readonly #random: () => number;
  readonly #endpoints: (readonly LoadEndpoint[])[] = [];
  readonly #podsOfNode: number[] = [];
  /** What is left to do of each rollout that is under way. */
  readonly #underWay: (() => void)[][] = [];
  readonly #busy = new Set<number>();
  #writes = 0;

  private constructor(api: ApiStandIn, size: ClusterSize, random: () => number) {
    this.#api = api;
    this.#size = size;
    this.#random = random;
  }

  /** Makes all Services with their pods, each on a random node. @param random from 0 to 1. */
  static begin(api: ApiStandIn, size: ClusterSize, random: () => number): Churn {
    const churn = new Churn(api, size, random);
    for (let index = 0; index < size.services; index++) {
      churn.#endpoints.push(Array.from({ length: size.endpoints }, () => churn.#pod('ready')));
      api.apply('services', serviceObject(index));
      churn.#publish(index);
    }
    churn.#writes = 0;
    return churn;
  }

  /** Writes to the API since all was made. */
  get writes(): number {
    return this.#writes;
  }

  /** One write: the next step of some rollout. */
  write(): void {
    if (this.#underWay.length < mostUnderWay) this.#begin();
    const index = Math.floor(this.#random() * this.#underWay.length);
    const steps = this.#underWay[index];
    steps?.shift()?.();
    if (steps?.length === 0) this.#underWay.splice(index, 1);
  }

  /** Of a hundred rollouts 85 replace pods, nine scale, four change the Service, two delete it and make it anew. */
  #begin(): void {
    const service = this.#idleService();
    this.#busy.add(service);
    const chance = this.#random();
    const steps =
      chance < 0.85
        ? this.#replacePods(service)
        : chance < 0.94
          ? this.#scale(service)
          : chance < 0.98
            ? this.#changeAffinity(service)
            : this.#deleteAndRemake(service);
    const last = steps.at(-1);
    const done = (): void => {
      last?.();
      this.#busy.delete(service);
    };
    this.#underWay.push([...steps.slice(0, -1), done]);
  }

  #idleService(): number {
    for (;;) {
      const service = Math.floor(this.#random() * this.#size.services);
      if (!this.#busy.has(service)) return service;
    }
  }

  /** A rolling update, pod by pod, of a third of the pods. */
  #replacePods(service: number): (() => void)[] {
    const old = (this.#endpoints[service] ?? []).slice(0, Math.max(1, Math.floor(this.#size.endpoints / 3)));
    return old.flatMap((pod) => {
      const fresh = this.#pod('starting');
      return [
        () => this.#edit(service, (pods) => [...pods, fresh]),
        () => this.#edit(service, (pods) => inPhase(inPhase(pods, fresh, 'ready'), pod, 'terminating')),
        () => this.#edit(service, (pods) => pods.filter(({ address }) => address !== pod.address)),
      ];
    });
  }

  #scale(service: number): (() => void)[] {
    const fresh = this.#pod('ready');
    return [
      () => this.#edit(service, (pods) => [...pods, fresh]),
      () => this.#edit(service, (pods) => pods.filter(({ address }) => address !== fresh.address)),
    ];
  }

  #changeAffinity(service: number): (() => void)[] {
    const object = serviceObject(service);
    const spec = Object.assign({}, object.spec, {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
    });
    return [() => this.#apply({ ...object, spec }), () => this.#apply(object)];
  }

  #deleteAndRemake(service: number): (() => void)[] {
    const remove = (): void => {
      this.#writes++;
      this.#api.remove('services', `${namespace}/${serviceNameOf(service)}`);
    };
    return [remove, () => this.#apply(serviceObject(service))];
  }

  #apply(object: ReturnType<typeof serviceObject>): void {
    this.#writes++;
    this.#api.apply('services', object);
  }

  #pod(phase: LoadEndpoint['phase']): LoadEndpoint {
    const node = Math.floor(this.#random() * this.#size.nodes);
    const pod = this.#podsOfNode[node] ?? 0;
    this.#podsOfNode[node] = pod + 1;
    return { address: podAddressOf(node, pod), nodeName: nodeNameOf(node), phase };
  }

  #edit(service: number, change: (pods: readonly LoadEndpoint[]) => readonly LoadEndpoint[]): void {
    this.#endpoints[service] = change(this.#endpoints[service] ?? []);
    this.#publish(service);
  }

  #publish(service: number): void {
    this.#writes++;
    this.#api.apply('endpointslices', sliceObject(service, this.#endpoints[service] ?? []));
  }
}

function inPhase(
  pods: readonly LoadEndpoint[],
  { address }: LoadEndpoint,
  phase: LoadEndpoint['phase'],
): readonly LoadEndpoint[] {
  return pods.map((pod) => (pod.address === address ? { ...pod, phase } : pod));
}
