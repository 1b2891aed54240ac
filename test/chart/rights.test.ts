/** Every right of the aggregator is one that its code uses, and every request that its code sends is permitted. */
import { describe, expect, it } from 'vitest';
import { ApiClient } from '../../aggregator/cluster/api-client.ts';
import type { ApiTransport } from '../../aggregator/cluster/api-transport.ts';
import { reviewAccess } from '../../aggregator/cluster/access-review.ts';
import { ClusterStore } from '../../aggregator/cluster/cluster-store.ts';
import { keeperOf } from '../../aggregator/cluster/kept-object.ts';
import { reviewToken } from '../../aggregator/cluster/token-review.ts';
import { agentLabels, readConfig } from '../../aggregator/config.ts';
import type { Keeper } from '../../aggregator/model/kept-object.ts';
import { ApiStandIn } from '../../cli/demo/api-server/stand-in.ts';
import { inProcessTransport } from '../in-process-api.ts';
import { ManualTiming } from '../manual-timing.ts';
import { type ApiRight, rightOf, rightsIn, withoutName } from './api-rights.ts';
import { listAt, renderedChart, renderedFile } from './rendered-chart.ts';

const aggregator = { name: 'audit-aggregator', namespace: 'observability' };

/** What the aggregator asks of the API server, by its own code. */
async function rightsUsed(agentNamespace: string, args: readonly string[]): Promise<ReadonlySet<ApiRight>> {
  const used = new Set<ApiRight>();
  const timing = new ManualTiming();
  const standIn = inProcessTransport(new ApiStandIn({ timing, watchLists: false }));
  const transport: ApiTransport = {
    ...standIn,
    send: (request) => {
      used.add(rightOf(request.method, request.path));
      return standIn.send(request);
    },
  };
  const client = new ApiClient(transport, timing);
  const agents = { namespace: agentNamespace, labelSelector: agentLabels };
  const store = new ClusterStore({ client, timing, agents, log: { warn: () => undefined } });
  store.start();
  await timing.pass(2);
  await store.agentPods.refresh('uid', 'audit-agent-x');
  await reviewToken(client, 'token', ['plumbline']);
  await reviewAccess(client, {
    person: { username: 'somebody', uid: null, groups: [], extra: {} },
    path: '/metrics',
    verb: 'get',
  });
  for (const keeper of keepersOf(client, args)) {
    await keeper.read();
    await keeper.write('1', {});
  }
  await store.stop();
  return used;
}

/** The objects of its own that it changes, where it makes its certificates itself. */
function keepersOf(client: ApiClient, args: readonly string[]): readonly Keeper[] {
  const read = readConfig(args, {});
  const certificate = read.kind === 'run' ? read.config.agents?.certificate : undefined;
  if (certificate?.kind !== 'made') return [];
  const { secret, configMap } = certificate;
  return [keeperOf(client, { kind: 'Secret', ...secret }), keeperOf(client, { kind: 'ConfigMap', ...configMap })];
}

describe('the aggregator', () => {
  it.each(['default.yaml', 'restricted.yaml'])(
    'has the rights that its code uses, and no other (%s)',
    async (values) => {
      const chart = renderedFile(values);
      const granted = new Set(rightsIn(chart.manifests, aggregator));
      const args = listAt(chart.the('Deployment'), 'spec.template.spec.containers.0.args').map((arg) =>
        String(arg).replaceAll('$(POD_IP)', '10.244.1.7'),
      );
      const used = await rightsUsed(chart.the('DaemonSet').metadata.namespace ?? '', args);
      // Who may get all of a kind may get each by its name.
      const taken = [...used].map((right) => (granted.has(right) ? right : withoutName(right)));
      expect([...granted].sort()).toEqual([...new Set(taken)].sort());
    },
  );

  it('has none that its owner takes away, and nothing else is missing then', () => {
    const rights = (changes: Readonly<Record<string, unknown>>) => {
      const chart = renderedChart(changes);
      const { name, namespace = '' } = chart.the('ServiceAccount', '-aggregator').metadata;
      return rightsIn(chart.manifests, { name, namespace });
    };
    const without = new Set(rights({ 'rights.policies': false, 'rights.events': false, 'rights.coreDNS': false }));
    expect(rights({}).filter((right) => !without.has(right))).toEqual([
      'list networkpolicies.networking.k8s.io',
      'watch networkpolicies.networking.k8s.io',
      'list ciliumnetworkpolicies.cilium.io',
      'list ciliumclusterwidenetworkpolicies.cilium.io',
      'list networkpolicies.crd.projectcalico.org',
      'list globalnetworkpolicies.crd.projectcalico.org',
      'list adminnetworkpolicies.policy.networking.k8s.io',
      'list baselineadminnetworkpolicies.policy.networking.k8s.io',
      'list clusternetworkpolicies.policy.networking.k8s.io',
      'list events',
      'watch events',
      'get configmaps coredns in kube-system',
      'get configmaps rke2-coredns-rke2-coredns in kube-system',
      'get configmaps coredns-custom in kube-system',
      'get configmaps node-local-dns in kube-system',
    ]);
  });
});
