import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../test/recordings.ts';
import type { GetResult } from '../host.ts';
import { recordedHost } from '../recorded-host.ts';
import { scriptedHost } from '../scripted-host.ts';
import { collectKubeProxy } from './kube-proxy.ts';

const now = () => new Date('2026-11-22T08:00:00Z');
const collectedAt = '2026-11-22T08:00:00.000Z';
const health = 'http://127.0.0.1:10256';
const metrics = 'http://127.0.0.1:10249';

function collect(recording: string, node: string) {
  return collectKubeProxy(recordedHost(`${recordingFolder(recording)}/${node}`), now);
}

function answer(body: string, status = 200): GetResult {
  return { ok: true, status, body };
}

describe('a healthy kube-proxy', () => {
  it('in iptables mode says its mode, version, syncs and rules', async () => {
    expect((await collect('s1-healthy', 'node-a')).part).toEqual({
      state: 'ok',
      value: {
        healthz: 'healthy',
        livez: 'healthy',
        metricsAnswered: true,
        mode: 'iptables',
        version: 'v1.36.2',
        believedRules: [
          { family: 'ipv4', table: 'filter', rules: 14 },
          { family: 'ipv4', table: 'nat', rules: 381 },
          { family: 'ipv6', table: 'filter', rules: 3 },
          { family: 'ipv6', table: 'nat', rules: 32 },
        ],
        lastSync: [
          { family: 'ipv4', seconds: 1.7953325820767694e9 },
          { family: 'ipv6', seconds: 1.7953325790962152e9 },
        ],
        lastQueued: [
          { family: 'ipv4', seconds: 1.795332581247317e9 },
          { family: 'ipv6', seconds: 1.7953325789967134e9 },
        ],
        problems: [],
      },
      collectedAt,
    });
  });

  it('shows its configuration', async () => {
    expect((await collect('s1-healthy', 'node-b')).configuration).toEqual({
      hostnameOverride: 'node-b',
      mode: 'iptables',
      masqueradeAll: false,
      masqueradeBit: 14,
      localhostNodePorts: true,
      detectLocalMode: 'NodeCIDR',
      clusterCidr: { ipv4: '10.244.0.0/16', ipv6: 'fd00:10:244::/56' },
      bridgeInterface: '',
      interfaceNamePrefix: '',
      nodePortAddresses: 'default',
    });
  });

  it('in nftables mode believes in no iptables rules', async () => {
    const { part } = await collect('s1-healthy', 'node-c');
    expect(part).toMatchObject({
      state: 'ok',
      value: { mode: 'nftables', version: 'v1.36.2', believedRules: [], problems: [] },
    });
  });
});

describe('a stopped kube-proxy', () => {
  it('is silent, and each question that got no answer is named', async () => {
    expect(await collect('s2-stale-stopped', 'node-b')).toEqual({
      part: {
        state: 'ok',
        value: {
          healthz: 'silent',
          livez: 'silent',
          metricsAnswered: false,
          mode: null,
          version: null,
          believedRules: [],
          lastSync: [],
          lastQueued: [],
          problems: [
            `GET ${health}/healthz: no answer within 3 s`,
            `GET ${health}/livez: no answer within 3 s`,
            `GET ${metrics}/metrics: no answer within 3 s`,
            `GET ${metrics}/proxyMode: no answer within 3 s`,
            `GET ${metrics}/configz: no answer`,
          ],
        },
        collectedAt,
      },
      configuration: null,
    });
  });

  it('beside one that runs leaves that one as it is', async () => {
    const { part } = await collect('s2-stale-stopped', 'node-a');
    expect(part).toMatchObject({ state: 'ok', value: { healthz: 'healthy', livez: 'healthy', metricsAnswered: true } });
  });
});

describe('a recording', () => {
  it('without anything of kube-proxy is absent, not silent', async () => {
    const before = await collectKubeProxy(recordedHost(`${recordingFolder('s2-stale-stopped')}/before/node-a`), now);
    expect(before).toEqual({ part: { state: 'absent' }, configuration: null });
  });

  it('without livez leaves only that unknown', async () => {
    const { part } = await collect('s6-ipvs-healthy', 'node-d');
    expect(part).toMatchObject({
      state: 'ok',
      value: { healthz: 'healthy', livez: 'unknown', mode: 'ipvs', problems: [] },
    });
  });
});

describe('answers that say something is wrong', () => {
  it('503 is unhealthy, 404 is unknown, garbage is a problem', async () => {
    const host = scriptedHost({
      answers: {
        [`${health}/healthz`]: answer('{"healthy":false}', 503),
        [`${health}/livez`]: answer('404 page not found', 404),
        [`${metrics}/metrics`]: answer('kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4} 1\n'),
        [`${metrics}/proxyMode`]: answer('iptables'),
        [`${metrics}/configz`]: answer('<html>'),
      },
    });
    expect(await collectKubeProxy(host, now)).toEqual({
      part: {
        state: 'ok',
        value: {
          healthz: 'unhealthy',
          livez: 'unknown',
          metricsAnswered: true,
          mode: 'iptables',
          version: null,
          believedRules: [],
          lastSync: [],
          lastQueued: [],
          problems: [
            `GET ${health}/healthz: status 503`,
            `GET ${health}/livez: status 404`,
            `GET ${metrics}/configz: not a KubeProxyConfiguration`,
            `GET ${metrics}/metrics: 1 lines cannot be read`,
          ],
        },
        collectedAt,
      },
      configuration: null,
    });
  });
});
