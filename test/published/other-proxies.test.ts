/**
 * What others published of nodes with Cilium, Antrea and kube-router, as far as it tells who serves Services there. The
 * dumps are the work of others and stay where they are.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRules } from 'node-iptables-parse';
import { describe, expect, it } from 'vitest';
import { CiliumReader } from '../../agent/collectors/cilium.ts';
import { describeEbpfProxy } from '../../agent/collectors/ebpf-proxy.ts';
import { readCiliumServices } from '../../agent/dataplane/cilium.ts';
import { proxyChains } from '../../agent/dataplane/proxy-chains.ts';
import { scriptedHost } from '../../agent/scripted-host.ts';
import { origins } from '../../proto/forwarding.ts';
import { fateInShort } from '../fate-in-short.ts';
import { frontend, kubeProxy, noParts, reported } from '../view-builders.ts';
import { readDump } from './foreign-dump.ts';

const published = join(import.meta.dirname, '../../../shared/fixtures/published');
const cases = 5;

function text(path: string): string {
  return readFileSync(join(published, path), 'utf8');
}

/** What shows beside a kube-proxy that answers. */
function beside(chains: readonly string[], links: readonly string[] = []) {
  const signs = {
    addresses: reported({ addresses: [], links }),
    cni: noParts.cni,
    chains,
    kubeProxy: { part: kubeProxy(), configuration: null },
    proxyTraces: reported({ iptables: true, nftables: false, ipvs: false }),
  };
  const part = describeEbpfProxy(signs, null, () => new Date(0));
  return part.state === 'ok' ? [part.value.proxy, part.value.replacesKubeProxy] : part.state;
}

if (!existsSync(published)) {
  describe('published nodes with other proxies', () => {
    it.skip(`not run: ${cases} cases, since the published dumps are not at hand`, () => {});
  });
  console.log(`the published dumps are absent: ${cases} cases about other proxies were not run`);
} else {
  describe("Cilium's list of services, as published (cilium-services)", () => {
    it('of a cluster where it replaces kube-proxy is read whole', () => {
      const read = readCiliumServices(text('cilium-services/service-list.json'));
      if (!read.ok) throw new Error(read.message);
      const inside = [...read.table].map(([key, { forwarding }]) => [key, fateInShort(forwarding.pod)]);
      expect(inside).toHaveLength(8);
      expect(inside.filter(([, fate]) => fate?.startsWith('unknown'))).toEqual([]);
      const peer = read.table.get(frontend('tcp 10.111.74.126:443'));
      expect(origins.map((origin) => (peer === undefined ? null : fateInShort(peer.forwarding[origin])))).toEqual([
        '203.0.113.183:4244 masquerade=never',
        '203.0.113.183:4244 masquerade=never',
        'unknown cilium',
      ]);
    });

    it('is what the socket answers', async () => {
      const body = text('cilium-services/service-list.json');
      const answers = { 'http://cilium.sock/v1/service': { ok: true, status: 200, body } } as const;
      const clock = { now: () => new Date(0), monotonicMs: () => 0 };
      const reading = await new CiliumReader(scriptedHost({ answers }), clock, true).read();
      expect([reading.unreadBecause, reading.forwarding.state === 'ok' && reading.forwarding.value.table.size]).toEqual(
        [null, 8],
      );
    });

    it('of an older release, without protocols, has no frontend that could be named', () => {
      const read = readCiliumServices(`[${text('cilium-services/service-get.json')}]`);
      expect(read).toEqual({ ok: true, table: new Map(), types: new Set(['ClusterIP']) });
    });
  });

  describe('a network plug-in beside kube-proxy', () => {
    it('Cilium (cilium-kubeproxy-nodelocaldns) does not replace it', () => {
      const parsed = ['filter', 'nat'].flatMap((table) => {
        const result = parseRules(text(`cilium-kubeproxy-nodelocaldns/iptables-save-${table}.txt`), {
          expectTables: [table],
          trailer: 'optional',
        });
        return result.ok ? [{ ruleset: result.ruleset }] : [];
      });
      const chains = proxyChains(parsed);
      expect(chains).toContain('filter CILIUM_FORWARD');
      expect(beside(chains)).toEqual(['cilium', false]);
    });

    it("k3s with kube-router's policies and Antrea's gateway are no service proxies", () => {
      const k3s = readDump(text('k3s-kube-router-netpol/iptables-save-filter-excerpt.txt'), 'filter');
      const names = k3s.flatMap(({ name, chains }) => [...chains.keys()].map((chain) => `${name} ${chain}`));
      expect(names).toContain('filter KUBE-ROUTER-INPUT');
      const links = [...text('capv-antrea-and-calico/arp-and-ip-a.txt').matchAll(/^\d+: ([^:@]+)[:@]/gm)].map(
        ([, link = '']) => link,
      );
      expect([beside(names), beside([], links)]).toEqual([
        [null, null],
        ['antrea', false],
      ]);
    });
  });
}
