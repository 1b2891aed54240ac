/** kube-proxy's own unit tests, answered from the table that its Services and EndpointSlices ask for. */
import { describe, expect, it } from 'vitest';
import { desiredState } from '../../aggregator/audit/desired.ts';
import { readClusterState } from '../../aggregator/cluster/state.ts';
import type { ClusterState } from '../../aggregator/model/cluster.ts';
import { answerFlow } from '../answer-flow.ts';
import type { FlowCase } from '../kube-proxy-flows.ts';
import { readFlowCases } from '../kube-proxy-flows.ts';

const cases = readFlowCases();
const withServices = (cases ?? []).filter(({ services }) => services !== null);

function stateOf({ services, endpointSlices }: FlowCase): ClusterState {
  const lists = {
    services: { items: services ?? [] },
    endpointSlices: { items: endpointSlices },
    nodes: { items: [] },
  };
  const reading = readClusterState(lists);
  if (!reading.ok) throw new Error(reading.problems.join('\n'));
  return reading.value;
}

describe("kube-proxy's own packets, answered from the desired table", () => {
  if (cases === null) {
    it.skip('not run: 35 cases, since kube-proxy-flows is not at hand', () => {});
    console.log('kube-proxy-flows is absent: 35 cases were not run');
    return;
  }
  console.log(`kube-proxy-flows: ${cases.length - withServices.length} cases without Services were not run`);

  for (const flowCase of withServices) {
    const { table } = desiredState(stateOf(flowCase), {
      name: flowCase.nodeName,
      zone: null,
      profile: flowCase.profile,
    });
    describe(flowCase.name, () => {
      for (const { name, flow, expected } of flowCase.flows) {
        it(`${name}: ${flow.from} to ${flow.to}:${flow.port}`, () => {
          expect(answerFlow(table, flowCase.profile, flow)).toEqual(expected);
        });
      }
    });
  }
});
