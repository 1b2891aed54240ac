/** Random rollouts: what Deployments, autoscalers and people do to Services, step by step in time. */
import type { Endpoint, EndpointSlice, Service } from '../../aggregator/model/cluster.ts';
import { address, service } from '../builders.ts';
import type { FakeCluster } from './fake-feeds.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface RolloutPlace {
  readonly time: VirtualTime;
  readonly cluster: FakeCluster;
  readonly random: () => number;
  /** Names of the nodes that pods run on. */
  readonly nodes: readonly string[];
}

/** A Service with its pods; a rollout changes it through the cluster alone. */
export class RollingService {
  readonly key: string;
  readonly #place: RolloutPlace;
  readonly #number: number;
  #service: Service;
  #endpoints: Endpoint[] = [];
  #targetPort = 8080;
  #pods = 0;

  constructor(number: number, place: RolloutPlace) {
    this.#place = place;
    this.#number = number;
    this.key = `churn/svc-${number}`;
    this.#service = shape(number);
    for (let pod = 0; pod < 2 + (number % 4); pod++) this.#endpoints.push(this.#pod({ ready: true }));
    place.cluster.setService(this.#service);
    this.#publish();
  }

  /** One rollout of a random kind, in random steps. */
  roll(): void {
    const kinds = [
      () => this.#replacePods(),
      () => this.#replacePods(),
      () => this.#replacePods(),
      () => this.#drainAll(),
      () => this.#scale(),
      () => this.#changePort(),
      () => this.#changePolicy(),
      () => this.#changeType(),
      () => this.#deleteAndRemake(),
    ];
    kinds[Math.floor(this.#place.random() * kinds.length)]?.();
  }

  /** One endpoint goes at once, as when a node is lost. */
  removeOne(): void {
    this.#endpoints = this.#endpoints.slice(1);
    this.#publish();
  }

  addOne(): void {
    this.#endpoints.push(this.#pod({ ready: true }));
    this.#publish();
  }

  get endpointCount(): number {
    return this.#endpoints.length;
  }

  #pod({ ready }: { readonly ready: boolean }): Endpoint {
    const { random, nodes } = this.#place;
    this.#pods++;
    return {
      address: address(`10.244.${this.#number % 250}.${(this.#pods % 250) + 1}`),
      nodeName: nodes[Math.floor(random() * nodes.length)] ?? null,
      ready,
      serving: ready,
      terminating: false,
      zoneHints: [],
      nodeHints: [],
    };
  }

  /** Old pods terminate, still serving, as new ones get ready: a rolling update. */
  #replacePods(): void {
    let at = 0;
    const old = [...this.#endpoints];
    for (const pod of old) {
      const fresh = this.#pod({ ready: false });
      at += this.#seconds(0.1, 2);
      this.#at(at, () => this.#endpoints.push(fresh));
      at += this.#seconds(0.5, 4);
      this.#at(at, () => this.#change(fresh, { ready: true, serving: true }));
      at += this.#seconds(0, 1);
      this.#at(at, () => this.#change(pod, { ready: false, terminating: true }));
      this.#at(at + this.#seconds(0.5, 8), () => this.#remove(pod));
    }
  }

  /** All pods terminate at once: what still serves is used until new ones are ready. */
  #drainAll(): void {
    const old = [...this.#endpoints];
    this.#at(0.1, () => {
      for (const pod of old) this.#change(pod, { ready: false, terminating: true });
    });
    const fresh = old.map(() => this.#pod({ ready: true }));
    this.#at(this.#seconds(1, 5), () => this.#endpoints.push(...fresh));
    this.#at(this.#seconds(6, 9), () => {
      for (const pod of old) this.#remove(pod);
    });
  }

  #scale(): void {
    const wanted = Math.floor(this.#place.random() * 6);
    this.#at(0.1, () => {
      while (this.#endpoints.length < wanted) this.#endpoints.push(this.#pod({ ready: true }));
      this.#endpoints = this.#endpoints.slice(0, wanted);
    });
    if (wanted === 0) this.#at(this.#seconds(2, 60), () => this.#endpoints.push(this.#pod({ ready: true })));
  }

  #changePort(): void {
    this.#at(0.1, () => {
      this.#targetPort = 8000 + Math.floor(this.#place.random() * 100);
    });
  }

  #changePolicy(): void {
    const local = this.#place.random() < 0.5;
    this.#edit(local ? { internalTrafficPolicy: 'Local' } : { internalTrafficPolicy: 'Cluster' });
    if (this.#service.type === 'NodePort') this.#edit({ externalTrafficPolicy: local ? 'Cluster' : 'Local' });
    this.#edit({ affinitySeconds: this.#place.random() < 0.5 ? 0 : 600 });
  }

  #changeType(): void {
    const [port] = this.#service.ports;
    if (port === undefined) return;
    const opens = port.nodePort === 0;
    this.#edit({
      type: opens ? 'NodePort' : 'ClusterIP',
      ports: [{ ...port, nodePort: opens ? 30_000 + this.#number : 0 }],
    });
  }

  #deleteAndRemake(): void {
    const { cluster } = this.#place;
    this.#at(0.1, () => cluster.deleteService(this.key), false);
    this.#at(this.#seconds(1, 45), () => cluster.setService(this.#service));
  }

  #edit(fields: Partial<Service>): void {
    this.#at(
      this.#seconds(0.1, 3),
      () => {
        this.#service = { ...this.#service, ...fields };
        this.#place.cluster.setService(this.#service);
      },
      false,
    );
  }

  #change(pod: Endpoint, fields: Partial<Endpoint>): void {
    this.#endpoints = this.#endpoints.map((one) => (one.address === pod.address ? { ...one, ...fields } : one));
  }

  #remove(pod: Endpoint): void {
    this.#endpoints = this.#endpoints.filter((one) => one.address !== pod.address);
  }

  #seconds(least: number, most: number): number {
    return least + this.#place.random() * (most - least);
  }

  /** What changes endpoints is published as a new slice. */
  #at(seconds: number, change: () => void, publishes = true): void {
    this.#place.time.later(seconds * 1000, () => {
      change();
      if (publishes && this.#place.cluster.services.has(this.key)) this.#publish();
    });
  }

  #publish(): void {
    const slice: EndpointSlice = {
      namespace: 'churn',
      name: `svc-${this.#number}-1`,
      serviceName: `svc-${this.#number}`,
      family: 'ipv4',
      ports: [{ name: 'http', protocol: 'tcp', port: this.#targetPort }],
      endpoints: [...this.#endpoints],
    };
    this.#place.cluster.setSlices(this.key, [slice]);
  }
}

/** Every fourth has a node port, every eighth a Local policy, every tenth client affinity. */
function shape(number: number): Service {
  const plain = service(`churn/svc-${number}`).clusterIP(`10.96.1.${number}`).port(80, 'http');
  const reachable = number % 4 === 0 ? plain.nodePort(30_000 + number) : plain;
  const local = number % 8 === 0 ? reachable.externalLocal() : reachable;
  return (number % 10 === 0 ? local.affinity(600) : local).built;
}
