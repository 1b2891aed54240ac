/*
 * For a load-balancer Service with externalTrafficPolicy Local kube-proxy listens on spec.healthCheckNodePort of every
 * node and answers 200 where the Service has ready endpoints on that node, 503 else. Load balancers send by that. When
 * another process holds the port kube-proxy cannot listen (event FailedToStartServiceHealthcheck) and does not try again;
 * a kube-proxy that missed changes tells an old count; other proxies have told wrong ones (kubernetes#115825,
 * cilium#11043, kube-router#455).
 */
import type { HealthCheckAnswer } from '../../proto/parts.ts';
import { valueOr } from '../../proto/profile.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Service } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { unique } from './shared/findings.ts';
import { restartKubeProxy, showEndpoints } from './shared/remedies.ts';
import { joined } from './shared/words.ts';

export const healthCheckNodePort: NodeCheck = {
  id: 'health-check-node-port',
  layer: 'L3',
  scope: 'node',
  severity: 'high',
  title: "A Service's health check node port tells load balancers other than the truth",
  explanation: `Load balancers ask \`spec.healthCheckNodePort\` of each node whether the node has ready endpoints of the Service, and send clients only where the answer is 200. On this node the answer is wrong: nobody listens, somebody else does, it is another Service's, or the count of local endpoints is not that of the API. Clients are sent to a node that drops their packets, or a node with endpoints gets none.`,
  falsePositives: `The ports are those that kube-proxy's rules let in, asked on loopback; where kube-proxy answers node ports on some addresses only, it does not listen there, and nothing is said. 503 from a kube-proxy that calls itself unhealthy is right. Endpoints that are terminating do not count, as kube-proxy does not count them. It must hold for five minutes, so that a rollout is not taken for it. A wrong count with the right status misleads nobody: the severity is low then. In nftables mode no rule names the ports, and it is not asked.`,
  remediation: `Find out who holds the port, end that, and restart kube-proxy on the node: it takes the port only at its start or when the Service changes.`,
  needs: ['kubeProxy'],
  holdForSeconds: 300,
  clearForSeconds: 60,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const { kubeProxy } = view.parts;
  const addresses = view.profile.nodePortAddresses;
  if (kubeProxy.state !== 'ok' || kubeProxy.value.healthz !== 'healthy') return [];
  if (addresses.source === 'unknown' || addresses.value !== 'all') return [];
  return kubeProxy.value.healthChecks.flatMap((answer) => {
    const service = ownerOf(view, answer);
    const wrong = service === null ? null : wrongIn(view, service, answer);
    return service === null || wrong === null ? [] : [violation(view, { service, answer, wrong })];
  });
}

/** The Service that has this port; null where it is no longer anybody's, or not one that load balancers ask about. */
function ownerOf({ objects }: NodeView, { port, service }: HealthCheckAnswer): Service | null {
  const slash = service?.indexOf('/') ?? -1;
  const named = service === null ? null : objects.service(service.slice(0, slash), service.slice(slash + 1));
  if (named !== null && isAskedAt(named, port)) return named;
  // Only of a wrong answer: this looks at every Service.
  for (const other of objects.services()) if (isAskedAt(other, port)) return other;
  return null;
}

function isAskedAt(service: Service, port: number): boolean {
  const { healthCheckNodePort: own, type, externalTrafficPolicy, otherProxy } = service;
  return own === port && type === 'LoadBalancer' && externalTrafficPolicy === 'Local' && !otherProxy;
}

interface Wrong {
  readonly text: string;
  /** Load balancers read the status alone: whether it is the one that they should get. */
  readonly isHarmless: boolean;
}

/** What is wrong with an answer; null where nothing is. */
function wrongIn(view: NodeView, service: Service, answer: HealthCheckAnswer): Wrong | null {
  const { status, localEndpoints, proxyHealthy } = answer;
  const harmful = (text: string): Wrong => ({ text, isHarmless: false });
  if (status === null) return harmful('nobody answers there');
  if (answer.service === null || localEndpoints === null) {
    return harmful(`somebody else than kube-proxy answers (${status})`);
  }
  if (answer.service !== `${service.namespace}/${service.name}`) return harmful(`it answers for ${answer.service}`);
  const counts = readyHere(view, service);
  if (!counts.includes(localEndpoints)) {
    const text = `it counts ${localEndpoints} local endpoints, and there are ${joined(counts.map(String))}`;
    return { text, isHarmless: status === 200 && localEndpoints > 0 && counts.every((count) => count > 0) };
  }
  // kube-proxy says so itself, and that is right.
  if (proxyHealthy === false) return null;
  const isHealthy = status === 200;
  return isHealthy === localEndpoints > 0
    ? null
    : harmful(`it answers ${status} with ${localEndpoints} local endpoints`);
}

/** Ready endpoints on this node, each address once: the counts of the Service's families, of which one is told. */
function readyHere(view: NodeView, { namespace, name, clusterIPs }: Service): readonly number[] {
  const node = valueOr(view.profile.nodeName, view.name);
  const slices = view.objects.endpointSlices(namespace, name);
  const families = (['ipv4', 'ipv6'] as const).filter((family) => clusterIPs[family] !== undefined);
  const counts = families.map((family) => {
    const ready = slices
      .filter((slice) => slice.family === family && slice.ports.length > 0)
      .flatMap(({ endpoints }) => endpoints)
      .filter((endpoint) => endpoint.nodeName === node && endpoint.ready);
    return new Set(ready.map(({ address }) => address)).size;
  });
  return [...new Set(counts)];
}

function violation(
  view: NodeView,
  { service, answer, wrong }: { readonly service: Service; readonly answer: HealthCheckAnswer; readonly wrong: Wrong },
): Violation {
  const { namespace, name } = service;
  const { port, status, localEndpoints, problem } = answer;
  const subject = { kind: 'Service', namespace, name, port: '', protocol: 'tcp' } as const;
  const own = [...view.owners].filter(([, owner]) => owner.namespace === namespace && owner.name === name);
  return {
    subject,
    summary: wrong.isHarmless
      ? `The health check node port ${port} of ${namespace}/${name} on ${view.name} is right to let load balancers in, and yet ${wrong.text}: of low severity.`
      : `The health check node port ${port} of ${namespace}/${name} misleads load balancers on ${view.name}: ${wrong.text}.`,
    ...(wrong.isHarmless ? { severity: 'low' as const } : {}),
    evidence: [
      fact('ready endpoints here', readyHere(view, service).join(', ')),
      fact('answer', status === null ? 'none' : `status ${status}, ${localEndpoints ?? 'no count of'} local endpoints`),
      ...(problem === null ? [] : [fact('problem', problem)]),
    ],
    remediation: [
      { command: `ss -ltnp 'sport = :${port}'`, effect: `Run on ${view.name}: shows which process holds the port.` },
      {
        command: 'kubectl get events -A --field-selector reason=FailedToStartServiceHealthcheck',
        effect: "Shows kube-proxy's complaints that it could not take such a port.",
      },
      ...showEndpoints(subject),
      restartKubeProxy(view.name),
    ],
    frontends: unique(own.map(([key]) => key)),
  };
}
