/** kube-proxy's own unit tests, answered from the table that its Services and EndpointSlices ask for. */
import { describe, expect, it } from 'vitest';
import { desiredState } from '../../aggregator/audit/desired.ts';
import { readClusterState } from '../../aggregator/cluster/state.ts';
import type { ClusterState } from '../../aggregator/model/cluster.ts';
import { answerFlow } from '../answer-flow.ts';
import { address, cluster, service, slice } from '../builders.ts';
import { type FlowCase, type FlowMode, readFlowCases } from '../kube-proxy-flows.ts';

/** Of each mode: its cases and their packets. */
const counts: readonly (readonly [FlowMode, { readonly cases: number; readonly flows: number }])[] = [
  ['iptables', { cases: 35, flows: 166 }],
  ['nftables', { cases: 26, flows: 116 }],
];

/** The three cases that hold rules alone are of the Services that those rules name, with their comments and chains. */
const ofRulesAlone: Readonly<Record<string, ClusterState>> = {
  '001-TestTracePacket': sixServices(),
  '001-TestTracePacketV4': sixServices(),
  '002-TestTracePacketV6': cluster(
    [
      service('ns1/svc1')
        .having({ clusterIPs: { ipv6: address('fd00:172:30::41') } })
        .port(80, 'p80')
        .nodePort(3001),
    ],
    [slice('ns1/svc1').port(80, 'p80').ready('fd00:10:180::1').ready('fd00:10:180::2:1')],
  ),
};

function sixServices(): ClusterState {
  const one = (name: string, clusterIP: string) =>
    service(`${name}/${name.replace('ns', 'svc')}`)
      .clusterIP(clusterIP)
      .port(80, 'p80');
  const of = (name: string) => slice(`${name}/${name.replace('ns', 'svc')}`).port(80, 'p80');
  return cluster(
    [
      one('ns1', '172.30.0.41'),
      one('ns2', '172.30.0.42').nodePort(3001).externalIP('192.168.99.22').loadBalancerIP('1.2.3.4').externalLocal(),
      one('ns3', '172.30.0.43').nodePort(3003),
      one('ns4', '172.30.0.44').externalIP('192.168.99.33'),
      one('ns5', '172.30.0.45').nodePort(3002).loadBalancerIP('5.6.7.8').sourceRange('203.0.113.0/25').affinity(10_800),
      one('ns6', '172.30.0.46'),
    ],
    [
      of('ns1').ready('10.180.0.1'),
      of('ns2').ready('10.180.0.2', { node: 'another-node' }),
      of('ns3').ready('10.180.0.3'),
      of('ns4').ready('10.180.0.4').ready('10.180.0.5'),
      of('ns5').ready('10.180.0.3'),
    ],
  );
}

function stateOf({ name, services, endpointSlices }: FlowCase): ClusterState {
  if (services === null) return ofRulesAlone[name] ?? cluster([]);
  const lists = { services: { items: services }, endpointSlices: { items: endpointSlices }, nodes: { items: [] } };
  const reading = readClusterState(lists);
  if (!reading.ok) throw new Error(reading.problems.join('\n'));
  return reading.value;
}

describe.each(counts)("kube-proxy's own packets in %s mode, answered from the desired table", (mode, expected) => {
  const cases = readFlowCases(mode);
  if (cases === null) {
    const count = `${expected.flows} flows of ${expected.cases} cases`;
    it.skip(`not run: ${count}, since kube-proxy-flows is not at hand`, () => {});
    console.log(`kube-proxy-flows is absent: ${count} of ${mode} mode were not run from the desired table`);
    return;
  }

  it(`all ${expected.flows} flows are at hand`, () => {
    expect({ cases: cases.length, flows: cases.flatMap(({ flows }) => flows).length }).toEqual(expected);
  });

  describe.each(cases)('$name', (flowCase) => {
    const { nodeName, profile, strays } = flowCase;
    const { table } = desiredState(stateOf(flowCase), { name: nodeName, zone: null, profile });

    it.each(flowCase.flows)('$name: $flow.from to $flow.to:$flow.port', ({ flow, expected: answer }) => {
      expect(answerFlow(table, profile, flow, strays)).toEqual(answer);
    });
  });
});
