/** Every right of the aggregator is one that its code uses, and every request that its code sends is permitted. */
import { describe, expect, it } from 'vitest';
import { ApiClient } from '../../aggregator/cluster/api-client.ts';
import type { ApiTransport } from '../../aggregator/cluster/api-transport.ts';
import { ClusterStore } from '../../aggregator/cluster/cluster-store.ts';
import { reviewToken } from '../../aggregator/cluster/token-review.ts';
import { agentLabels } from '../../aggregator/config.ts';
import { ApiStandIn } from '../../cli/demo/api-server/stand-in.ts';
import { inProcessTransport } from '../in-process-api.ts';
import { ManualTiming } from '../manual-timing.ts';
import { type ApiRight, rightOf, rightsIn, withoutName } from './api-rights.ts';
import { renderedFile } from './rendered-chart.ts';

const aggregator = { name: 'audit-aggregator', namespace: 'observability' };

/** What the aggregator asks of the API server, by its own code. */
async function rightsUsed(agentNamespace: string): Promise<ReadonlySet<ApiRight>> {
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
  await store.stop();
  return used;
}

describe('the aggregator', () => {
  it.each(['default.yaml', 'restricted.yaml'])(
    'has the rights that its code uses, and no other (%s)',
    async (values) => {
      const chart = renderedFile(values);
      const granted = new Set(rightsIn(chart.manifests, aggregator));
      const used = await rightsUsed(chart.the('DaemonSet').metadata.namespace ?? '');
      // Who may get all of a kind may get each by its name.
      const taken = [...used].map((right) => (granted.has(right) ? right : withoutName(right)));
      expect([...granted].sort()).toEqual([...new Set(taken)].sort());
    },
  );
});
