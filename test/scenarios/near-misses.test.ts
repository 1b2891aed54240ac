/**
 * What the recordings have by themselves that looks like a fault and is right. Each case shows first that the thing is
 * there, then that the check says nothing of it, on any node or of the cluster.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { subjectText } from '../../aggregator/model/finding.ts';
import { recordingFolder } from '../recordings.ts';
import { auditedWhole } from './audited.ts';

function recorded(recording: string, file: string): string {
  return readFileSync(join(recordingFolder(recording), file), 'utf8');
}

/** What one check says of a recording. */
async function said(check: string, recording: string): Promise<readonly string[]> {
  const { report } = await auditedWhole(recording);
  return report.findings.filter((one) => one.check === check).map(({ subject }) => subjectText(subject));
}

interface Slices {
  readonly items: readonly {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> };
    readonly endpoints: readonly {
      readonly addresses: readonly string[];
      readonly conditions: { readonly ready: boolean; readonly serving?: boolean };
      readonly nodeName?: string;
    }[];
  }[];
}

/** The endpoints of one Service in s1: address, and whether it is ready. */
function endpointsOf(service: string): readonly string[] {
  const { items } = JSON.parse(recorded('s1-healthy', 'api/endpointslices.json')) as Slices;
  return items
    .filter(({ metadata }) => metadata.labels['kubernetes.io/service-name'] === service)
    .flatMap(({ endpoints }) => endpoints)
    .map(
      ({ addresses, conditions: { ready, serving } }) =>
        `${addresses[0]} ${ready ? 'ready' : serving ? 'serving' : 'unready'}`,
    );
}

const ofA = () => recorded('s1-healthy', 'node-a/iptables-nft-save.txt');
const ofB = () => recorded('s1-healthy', 'node-b/iptables-legacy-save.txt');
const ofC = () => recorded('s1-healthy', 'node-c/nft-list-ruleset.txt');

describe('stale-endpoint', () => {
  it('endpoints that are not ready are used: the last one that still serves, and those of a Service that publishes them (s1)', async () => {
    expect(endpointsOf('draining')).toEqual(['10.244.1.12 serving']);
    expect(ofA()).toMatch(/"shop\/draining:http" -m tcp -j DNAT --to-destination 10\.244\.1\.12:8080/);
    expect(endpointsOf('worker')).toEqual(
      endpointsOf('worker-early').map((text) => text.replace(' ready', ' unready')),
    );
    expect(ofA()).toMatch(/"batch\/worker-early:http" -m tcp -j DNAT --to-destination 10\.244\.1\.11:8080/);
    expect(await said('stale-endpoint', 's1-healthy')).toEqual([]);
  });
});

describe('missing-endpoint', () => {
  it('a node leaves out ready endpoints that are hinted for another zone (s1, shop/web-zone on node-b)', async () => {
    expect(endpointsOf('web-zone')).toHaveLength(3);
    expect(ofB().match(/"shop\/web-zone" -m tcp -j DNAT --to-destination \S+/g)).toEqual([
      '"shop/web-zone" -m tcp -j DNAT --to-destination 10.244.2.2:8080',
    ]);
    expect(await said('missing-endpoint', 's1-healthy')).toEqual([]);
  });
});

describe('missing-service', () => {
  it('a load balancer that is a proxy itself, another proxy’s Service and a headless one have no rules (s1)', async () => {
    const services = recorded('s1-healthy', 'api/services.json');
    expect(services).toContain('"ingress":[{"ip":"203.0.113.12","ipMode":"Proxy"}]');
    expect(services).toContain('"service.kubernetes.io/service-proxy-name":"other"');
    for (const rules of [ofA(), ofB(), ofC()])
      expect(rules).not.toMatch(/203\.0\.113\.12\b|other-proxy|shop\/headless/);
    expect(await said('missing-service', 's1-healthy')).toEqual([]);
  });
});

describe('stale-service', () => {
  it('a port of the node that no Service has is the host port of a pod (s1, portmap’s 8088 on node-a and node-b)', async () => {
    for (const rules of [ofA(), ofB()]) expect(rules).toMatch(/--dport 8088 -j DNAT --to-destination/);
    expect(recorded('s1-healthy', 'api/services.json')).not.toContain('8088');
    expect(await said('stale-service', 's1-healthy')).toEqual([]);
  });
});

describe('rejected-service', () => {
  it('a node drops what comes to a Local Service whose endpoints are on other nodes (s1, edge/agent on node-c)', async () => {
    expect(endpointsOf('agent').filter((text) => text.endsWith(' ready'))).toHaveLength(2);
    expect(ofC()).toMatch(/10\.96\.169\.146 \. tcp \. 8126 comment "edge\/agent:http" : drop/);
    expect(await said('rejected-service', 's1-healthy')).toEqual([]);
  });
});

describe('unrejected-service', () => {
  it('from the node itself nothing refuses an external address of a Service without endpoints (s1, batch/worker-lb)', async () => {
    const refusals = ofA().match(/^-A \S+ .*"batch\/worker-lb:http has no endpoints".*$/gm) ?? [];
    const external = refusals.filter((rule) => rule.includes('198.51.100.51'));
    expect(external).toEqual([expect.stringMatching(/^-A KUBE-EXTERNAL-SERVICES /)]);
    expect(ofA()).not.toMatch(/^-A OUTPUT .*-j KUBE-EXTERNAL-SERVICES/m);
    expect(await said('unrejected-service', 's1-healthy')).toEqual([]);
  });
});

describe('dangling-jump', () => {
  it('jumps lead to chains that kube-proxy leaves empty where no Service needs them (s1, IPv6 on node-a)', async () => {
    const rules = recorded('s1-healthy', 'node-a/ip6tables-nft-save.txt');
    for (const chain of ['KUBE-EXTERNAL-SERVICES', 'KUBE-PROXY-FIREWALL']) {
      expect(rules).toMatch(new RegExp(`-j ${chain}\n`));
      expect(rules).not.toMatch(new RegExp(`^-A ${chain} `, 'm'));
    }
    expect(await said('dangling-jump', 's1-healthy')).toEqual([]);
  });
});

describe('uneven-balance', () => {
  it('rules of session affinity stand before the balancing ones, and without a probability (s5, shop/cart)', async () => {
    const chain = recorded('s5-recovered', 'node-a/iptables-nft-save.txt').match(
      /^-A KUBE-SVC-\S+ .*"shop\/cart:redis -> .*$/gm,
    );
    expect(chain?.map((rule) => /rcheck|probability \S+|(?<=" )-j/.exec(rule)?.[0])).toEqual([
      'rcheck',
      'rcheck',
      'probability 0.50000000000',
      '-j',
    ]);
    expect(await said('uneven-balance', 's5-recovered')).toEqual([]);
  });
});

describe('duplicate-rules', () => {
  it('an address that two slices of a Service name has one rule, and two ports one comment (s1, shop/manual; port 32000)', async () => {
    expect(endpointsOf('manual').filter((text) => text.startsWith('192.168.100.254 '))).toHaveLength(2);
    expect(ofA().match(/"shop\/manual:a" -m tcp -j DNAT --to-destination 192\.168\.100\.254:/g)).toHaveLength(1);
    expect(ofA().match(/^-A KUBE-NODEPORTS .*--dport 32000 -j ACCEPT$/gm)).toHaveLength(2);
    expect(await said('duplicate-rules', 's1-healthy')).toEqual([]);
  });
});

describe('mixed-backends', () => {
  it('base chains without a rule are left in the other backend (s5b, node-b)', async () => {
    const left = recorded('s5b-recovered-after-mixed', 'node-b/nft-list-ruleset.txt').split('\n');
    expect(left).toContain('table ip nat {');
    expect(left.filter((line) => /^\t\t(?!type )/.test(line))).toEqual([]);
    expect(await said('mixed-backends', 's5b-recovered-after-mixed')).toEqual([]);
  });
});

describe('proxy-sync-failing', () => {
  it('the last sync is long ago, since nothing was asked of kube-proxy (s2b, node-b)', async () => {
    const metrics = recorded('s2b-stale-partition', 'node-b/kube-proxy/metrics.txt');
    const seconds = (name: string) => {
      const line = new RegExp(`^kubeproxy_sync_proxy_rules_${name}\\{ip_family="IPv4"\\} (\\S+)$`, 'm').exec(metrics);
      return Number(line?.[1]);
    };
    const recordedAt = Date.parse('2026-11-22T07:52:16Z') / 1000;
    expect(recordedAt - seconds('last_timestamp_seconds')).toBeGreaterThan(60);
    expect(seconds('last_queued_timestamp_seconds')).toBeLessThan(seconds('last_timestamp_seconds'));
    expect(await said('proxy-sync-failing', 's2b-stale-partition')).toEqual([]);
  });
});

describe('service-selects-nothing', () => {
  it('no ready endpoint, and no fault: one that still serves, ExternalName, headless, no selector (s1)', async () => {
    expect(existsSync(join(recordingFolder('s1-healthy'), 'api/pods.json'))).toBe(true);
    const told = await said('service-selects-nothing', 's1-healthy');
    const right = [
      'shop/draining',
      'shop/ext',
      'shop/headless',
      'shop/manual',
      'shop/manual-old',
      'batch/worker-early',
    ];
    expect(told.filter((service) => right.includes(service))).toEqual([]);
  });
});
