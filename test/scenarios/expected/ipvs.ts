/** Recordings of node-d in IPVS mode that are not in sync. */
import { below, notRecorded, on, type Scenario, typo, unreadyWorkers } from './scenario.ts';

const nodes = { 'node-a': notRecorded, 'node-b': notRecorded, 'node-c': notRecorded, 'node-d': 'unhealthy' };

export const ipvs: readonly Scenario[] = [
  {
    title: 's6b-ipvs-stale',
    recording: 's6b-ipvs-stale',
    truth:
      'The kube-proxy of node-d got SIGSTOP, then five changes. Virtual servers carry no names, so what a deleted Service left behind is told by its address.',
    nodes,
    told: [
      ...on('node-d', {
        check: 'proxy-down',
        severity: 'critical',
        subjects: ['node-d'],
        why: 'neither /healthz nor /metrics answers',
      }),
      ...below(
        'node-d',
        'proxy-down node-d',
        {
          check: 'missing-service',
          severity: 'critical',
          subjects: ['shop/basket:redis', 'shop/draining-local:http'],
          why: 'added; new node port 30095',
        },
        {
          check: 'stale-endpoint',
          severity: 'critical',
          subjects: ['shop/api:admin', 'shop/api:grpc', 'shop/web-multi:metrics'],
          why: 'the pod shop/api-3 is not ready any more; the target port of shop/web-multi:metrics moved from 9100 to 9101',
        },
        {
          check: 'missing-endpoint',
          severity: 'high',
          subjects: ['shop/web-multi:metrics'],
          why: 'port 9101',
        },
        {
          check: 'stale-service',
          severity: 'high',
          subjects: ['tcp 10.96.23.176:5004', 'udp 10.96.23.176:5004', 'tcp node4:30090'],
          why: 'media/same-port was deleted; the old node port of shop/draining-local',
        },
      ),
      ...unreadyWorkers,
      ...typo,
    ],
  },
  {
    title: 's6d-ipvs-damage',
    recording: 's6d-ipvs-damage',
    truth:
      'The kube-proxy of node-d is stopped, and four things are damaged by hand; apart from them it is in sync. Stopped, it mends none of them, so what is no damage of addresses hangs below that.',
    nodes,
    told: [
      ...on(
        'node-d',
        {
          check: 'proxy-down',
          severity: 'critical',
          subjects: ['node-d'],
          why: 'neither /healthz nor /metrics answers',
        },
        {
          check: 'ipvs-unbound-vip',
          severity: 'high',
          subjects: ['batch/worker-lb:http'],
          why: '10.96.215.204 was taken off kube-ipvs0',
        },
      ),
      ...below('node-d', 'ipvs-unbound-vip batch/worker-lb:http', {
        check: 'unrejected-service',
        severity: 'medium',
        subjects: ['batch/worker-lb:http'],
        why: 'it has no endpoint; its packets are routed away instead of refused',
      }),
      ...below(
        'node-d',
        'proxy-down node-d',
        {
          check: 'rejected-service',
          severity: 'critical',
          subjects: ['default/kubernetes:https', 'edge/ext-ip:http'],
          why: 'the first lost its only real server; the second its entry in the set KUBE-CLUSTER-IP, so that KUBE-IPVS-FILTER refuses it',
        },
        {
          check: 'missing-masquerade',
          severity: 'high',
          subjects: ['edge/ext-ip:http'],
          why: 'the same entry, for packets from the node itself',
        },
        {
          check: 'stale-service',
          severity: 'high',
          subjects: ['tcp 10.96.250.250:80'],
          why: 'a virtual server that no Service asks for was added',
        },
      ),
      ...unreadyWorkers,
      ...typo,
    ],
  },
];
