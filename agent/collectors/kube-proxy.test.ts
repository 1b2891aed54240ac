import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../test/recordings.ts';
import type { GetResult, Host } from '../host.ts';
import { recordedHost } from '../recorded-host.ts';
import { scriptedHost } from '../scripted-host.ts';
import { KubeProxyReader } from './kube-proxy.ts';

const now = () => new Date('2026-11-22T08:00:00Z');
const collectedAt = '2026-11-22T08:00:00.000Z';
const health = 'http://127.0.0.1:10256';
const metrics = 'http://127.0.0.1:10249';

function collect(recording: string, node: string) {
  return readOnce(recordedHost(`${recordingFolder(recording)}/${node}`));
}

function readOnce(host: Host) {
  return new KubeProxyReader(host, { now, monotonicMs: () => 0 }).read();
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
        syncFailures: [],
        serviceChanges: { total: 80, increase: 0, windowSeconds: 0, reset: false },
        endpointChanges: { total: 40, increase: 0, windowSeconds: 0, reset: false },
        programmingP99Seconds: 3,
        healthChecks: [],
        syncP99Seconds: 0.256,
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
          syncFailures: [],
          serviceChanges: null,
          endpointChanges: null,
          programmingP99Seconds: null,
          healthChecks: [],
          syncP99Seconds: null,
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
    const before = await collect('s2-stale-stopped', 'before/node-a');
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
    expect(await readOnce(host)).toEqual({
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
          syncFailures: [],
          serviceChanges: null,
          endpointChanges: null,
          programmingP99Seconds: null,
          healthChecks: [],
          syncP99Seconds: null,
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

describe('a kube-proxy that is asked again and again', () => {
  const failures = 'kubeproxy_sync_proxy_rules_iptables_restore_failures_total{ip_family="IPv4"}';
  const changes = 'kubeproxy_sync_proxy_rules_endpoint_changes_total';

  /** Answers one body after the other, 10 seconds apart; null = it does not answer. */
  async function readAll(bodies: readonly (string | null)[]) {
    let at = 0;
    const host: Host = {
      ...scriptedHost({}),
      get: async (url) => {
        const body = url === `${metrics}/metrics` ? bodies[at] : 'ok';
        return body == null ? { ok: false, kind: 'refused', message: `GET ${url}: connection refused` } : answer(body);
      },
    };
    const reader = new KubeProxyReader(host, { now, monotonicMs: () => 10_000 * at });
    const reports = [];
    for (; at < bodies.length; at++) {
      const { part } = await reader.read();
      if (part.state !== 'ok') throw new Error(part.state);
      const { endpointChanges, syncFailures } = part.value;
      reports.push({ endpointChanges, syncFailures });
    }
    return reports;
  }

  it('tells what it has counted since, and its first failure as one', async () => {
    expect(await readAll([`${changes} 40`, `${changes} 47\n${failures} 1`])).toEqual([
      { endpointChanges: { total: 40, increase: 0, windowSeconds: 0, reset: false }, syncFailures: [] },
      {
        endpointChanges: { total: 47, increase: 7, windowSeconds: 10, reset: false },
        syncFailures: [
          {
            family: 'ipv4',
            what: 'iptables-restore',
            counter: { total: 1, increase: 1, windowSeconds: 10, reset: false },
          },
        ],
      },
    ]);
  });

  it('that was started anew while nobody answered says so', async () => {
    expect(await readAll([`${changes} 40`, null, `${changes} 12`])).toEqual([
      { endpointChanges: { total: 40, increase: 0, windowSeconds: 0, reset: false }, syncFailures: [] },
      { endpointChanges: null, syncFailures: [] },
      { endpointChanges: { total: 12, increase: 12, windowSeconds: 20, reset: true }, syncFailures: [] },
    ]);
  });
});
