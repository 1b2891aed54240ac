/**
 * A small cluster to ask about, for tests that change one thing of it: shop/web-0 (10.244.1.2) on node-a, shop/api-0
 * (10.244.2.3) on node-b, and Service shop/api at 10.96.0.7:80, which leads to port 8080 of api-0.
 */
import { diagnose } from '../aggregator/diagnose/diagnose.ts';
import type { DiagnosisInput } from '../aggregator/diagnose/input.ts';
import type { ClusterSnapshot, Pod } from '../aggregator/model/cluster.ts';
import type { Diagnosis, DiagnosisQuestion, DiagnosisStep } from '../aggregator/model/diagnosis.ts';
import type { Finding, Layer } from '../aggregator/model/finding.ts';
import type { NodeParts } from '../proto/parts.ts';
import { address, node, pod, service, slice } from './builders.ts';
import { routes } from './network-builders.ts';
import { everyone, forwardTo, nodeView, objects, reported, type Row, type ViewSketch } from './view-builders.ts';

/** The frontend of shop/api. */
export const apiFrontend = 'tcp 10.96.0.7:80';
export const api = service('shop/api').clusterIP('10.96.0.7').port(80, 'http');
export const inSync: Row = [apiFrontend, everyone(forwardTo('10.244.2.3:8080'))];

export interface World {
  readonly web?: Partial<Pod>;
  readonly api?: Partial<Pod>;
  readonly snapshot?: Partial<ClusterSnapshot>;
  /** Nodes of which nothing is known, with the reason. */
  readonly unknown?: Readonly<Record<string, string>>;
  /** What node-a should do and does; in sync unless said. */
  readonly onA?: ViewSketch;
  readonly parts?: Readonly<Record<string, Partial<NodeParts>>>;
  readonly findings?: readonly Finding[];
}

export function world(sketch: World = {}): DiagnosisInput {
  const cluster = objects({
    services: [api.built],
    endpointSlices: [slice('shop/api').port(8080, 'http').ready('10.244.2.3', { node: 'node-b' }).built],
    nodes: [node('node-a', '192.168.100.11'), node('node-b', '192.168.100.12')],
    pods: [
      { ...pod('shop/web-0', 'node-a', '10.244.1.2'), ...sketch.web },
      { ...pod('shop/api-0', 'node-b', '10.244.2.3'), ports: [containerPort], ...sketch.api },
    ],
    namespaces: [],
    networkPolicies: [],
    foreignPolicies: [],
    ...sketch.snapshot,
  });
  return {
    objects: cluster,
    findings: sketch.findings ?? [],
    node: (name) => {
      const because = sketch.unknown?.[name];
      if (because !== undefined) return { isKnown: false, because };
      const own = { ...usualParts[name], ...sketch.parts?.[name] };
      const tables = name === 'node-a' ? { desired: [inSync], observed: [inSync], ...sketch.onA } : {};
      const view = nodeView({ name, objects: cluster, parts: own, ...tables });
      return { isKnown: true, ageSeconds: 7, explain: null, view: { ...view, node: cluster.node(name) } };
    },
  };
}

const containerPort = { name: 'http', protocol: 'tcp', port: 8080, hostPort: 0, hostAddress: null } as const;

function seenPod(name: string, text: string) {
  return {
    uid: `uid-of-${name}`,
    pod: null,
    containers: [],
    namespace: 'own' as const,
    links: [{ name: 'eth0', index: 2 }],
    addresses: [{ link: 'eth0', address: address(text), prefixLength: 24 }],
    defaultRoutes: [{ family: 'ipv4' as const, link: 'eth0', gateway: address('10.244.0.1'), isDead: false }],
  };
}

/** Each node leads to the other by its address, and has its pod. */
const usualParts: Readonly<Record<string, Partial<NodeParts>>> = {
  'node-a': {
    routes: reported(routes(['10.244.2.0/24 via 192.168.100.12 dev eth0', '10.244.1.0/24 dev cni0'])),
    podNetworks: reported({
      pods: { total: 1, first: [seenPod('web-0', '10.244.1.2')] },
      unread: 0,
      problem: null,
    }),
  },
  'node-b': {
    routes: reported(routes(['10.244.1.0/24 via 192.168.100.11 dev eth0', '10.244.2.0/24 dev cni0'])),
    podNetworks: reported({
      pods: { total: 1, first: [seenPod('api-0', '10.244.2.3')] },
      unread: 0,
      problem: null,
    }),
  },
};

type Asked = Partial<DiagnosisQuestion>;

/** From shop/web-0 to shop/api unless said otherwise. @throws where it cannot be asked so. */
export function ask(sketch: World = {}, asked: Asked = {}): Diagnosis {
  const question = { from: 'pod/shop/web-0', to: 'svc/shop/api', port: null, protocol: null, ...asked };
  const answer = diagnose(question, world(sketch));
  if (!answer.ok) throw new Error(answer.problem);
  return answer.diagnosis;
}

/** Why it cannot be asked so. */
export function refusal(asked: Asked, sketch: World = {}): readonly [string, string] {
  const question = { from: 'pod/shop/web-0', to: 'svc/shop/api', port: null, protocol: null, ...asked };
  const answer = diagnose(question, world(sketch));
  if (answer.ok) throw new Error('it can be asked');
  return [answer.parameter, answer.problem];
}

/** The steps of one layer: `there fail: its sentence`. */
export function told({ steps }: Pick<Diagnosis, 'steps'>, layer: Layer): readonly string[] {
  const text = ({ direction, verdict, sentence }: DiagnosisStep) => `${direction} ${verdict}: ${sentence}`;
  return steps.filter((step) => step.layer === layer).map(text);
}
