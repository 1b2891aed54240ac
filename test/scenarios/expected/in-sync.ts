/** Recordings in which every node does what the API asks for. */
import { recordingFolder } from '../../recordings.ts';
import { everywhere, notRecorded, type Scenario, typo, unreadyWorkers } from './scenario.ts';

const threeInSync = { 'node-a': 'healthy', 'node-b': 'healthy', 'node-c': 'healthy' };
const nodeDInSync = { 'node-a': notRecorded, 'node-b': notRecorded, 'node-c': notRecorded, 'node-d': 'healthy' };

export const inSync: readonly Scenario[] = [
  {
    title: 's1-healthy',
    recording: 's1-healthy',
    truth:
      'All three nodes are in sync: node-a with iptables-nft, node-b with iptables-legacy, node-c with nftables. What looks odd is as asked for: refusals of batch/worker, drops of edge/agent on node-c (Local, no endpoint there), the terminating endpoint of shop/draining.',
    nodes: threeInSync,
    told: [...unreadyWorkers, ...everywhere],
  },
  {
    title: 's2-stale-stopped, before',
    recording: 's2-stale-stopped',
    within: { bundle: 'before', over: recordingFolder('s1-healthy') },
    truth:
      'Just before the kube-proxy of node-b is stopped. Rules only were recorded; all else is taken from s1, minutes before. In sync.',
    nodes: threeInSync,
    told: [...unreadyWorkers, ...everywhere],
  },
  {
    title: 's3-damage, healthy',
    recording: 's3-damage',
    within: { bundle: 'healthy', api: 'api' },
    truth: 'The rules of node-a from which every damage of s3 starts: in sync. The workers are ready by now.',
    nodes: { 'node-a': 'healthy', 'node-b': notRecorded, 'node-c': notRecorded },
    told: everywhere,
  },
  {
    title: 's5-recovered',
    recording: 's5-recovered',
    truth: 'After s2 the kube-proxy of node-b was started anew: all nodes are in sync with all the changes of s2.',
    nodes: threeInSync,
    told: everywhere,
  },
  {
    title: 's5b-recovered-after-mixed',
    recording: 's5b-recovered-after-mixed',
    truth:
      'After s4 the rules in nf_tables were removed, and kube-proxy writes to iptables-legacy again: node-b is in sync. The empty base chains that are left in nf_tables hold no rule, so they are no second backend.',
    nodes: { 'node-a': notRecorded, 'node-b': 'healthy', 'node-c': notRecorded },
    told: everywhere,
  },
  {
    title: 's6-ipvs-healthy',
    recording: 's6-ipvs-healthy',
    truth: 'node-d in IPVS mode is in sync.',
    nodes: nodeDInSync,
    told: [...unreadyWorkers, ...typo],
  },
  {
    title: 's6c-ipvs-recovered',
    recording: 's6c-ipvs-recovered',
    truth: 'The kube-proxy of node-d goes on after s6b: in sync again.',
    nodes: nodeDInSync,
    told: [...unreadyWorkers, ...typo],
  },
];
