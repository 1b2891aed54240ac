/** The writer is held against what a real kube-proxy wrote, or the properties built on it would prove nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { desiredState } from '../../aggregator/audit/desired.ts';
import { readClusterState } from '../../aggregator/cluster/state.ts';
import type { Address, Family, Prefix } from '../../proto/address.ts';
import { recordingFolder } from '../recordings.ts';
import { iptablesProfile } from './iptables-profile.ts';
import { printWritten } from './written-rules.ts';
import { writeRules } from './rule-writer.ts';

const recording = recordingFolder('s1-healthy');

const nodes = [
  { node: 'node-a', host: 11, backend: 'nft', pods: { ipv4: '10.244.0.0/16', ipv6: 'fd00:10:244::/56' } },
  { node: 'node-b', host: 12, backend: 'legacy', pods: { ipv4: '10.244.2.0/24', ipv6: 'fd00:10:244:2::/64' } },
] as const;

function api(kind: string): unknown {
  return JSON.parse(readFileSync(join(recording, 'api', `${kind}.json`), 'utf8'));
}

/** Lines with their table; `-A` lines only. */
function placedLines(dump: string): readonly string[] {
  let table = '';
  return dump.split('\n').flatMap((line) => {
    if (line.startsWith('*')) table = line.slice(1);
    return line.startsWith('-A ') ? [`${table} ${line}`] : [];
  });
}

/**
 * What a table cannot say: rules of others, health-check ports, and whether a service that is nothing but internally
 * Local keeps its endpoints in a chain named KUBE-SVL- or KUBE-SVC-.
 */
function comparable(dump: string): readonly string[] {
  const lines = placedLines(dump).filter((line) => !line.includes('CNI-') && !line.includes('health check node port'));
  return lines.map((line) => line.replaceAll('KUBE-SVL-LRBYVNAS7ROUATNS', 'KUBE-SVC-LRBYVNAS7ROUATNS')).sort();
}

describe('the rules written for a desired table', () => {
  const state = readClusterState({
    services: api('services'),
    endpointSlices: api('endpointslices'),
    nodes: api('nodes'),
  });
  if (!state.ok) throw new Error(state.problems[0]);

  const cases = nodes.flatMap((node) => (['ipv4', 'ipv6'] as const).map((family: Family) => ({ ...node, family })));
  it.each(cases)('are those that kube-proxy wrote on $node, $family', ({ node, host, backend, pods, family }) => {
    // Both are canonical as the recordings' README has them.
    const localAddresses = ['127.0.0.1', '::1', `192.168.100.${host}`, `fd00:100::${host}`] as Address[];
    const localDetector = {
      ipv4: { kind: 'prefix', prefix: pods.ipv4 as Prefix },
      ipv6: { kind: 'prefix', prefix: pods.ipv6 as Prefix },
    } as const;
    const profile = iptablesProfile({ nodeName: node, localAddresses, localDetector });
    const zone = state.value.nodes.find(({ name }) => name === node)?.zone ?? null;
    const { table, owners } = desiredState(state.value, { name: node, zone, profile });
    const written = writeRules(
      { table, owners, localDetector, localAddresses, markBit: 14, localhostNodePorts: true },
      family,
    );
    const recorded = readFileSync(
      join(recording, node, `ip${family === 'ipv6' ? '6' : ''}tables-${backend}-save.txt`),
      'utf8',
    );
    expect(comparable(printWritten(written))).toEqual(comparable(recorded));
  });
});
