/**
 * Who serves Services on a node: switches of mode, proxies in kube-proxy's place, and plug-ins beside it. The nodes are
 * recorded ones with one thing changed, which each case names; a link of another proxy is one more line of `ip -j addr`.
 */
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { recordingFolder } from '../recordings.ts';
import { audited, statesOf } from './audited.ts';

const work = mkdtempSync(join(tmpdir(), 'plumbline-proxies-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const recorded = (node: string) => join(recordingFolder('s1-healthy'), node);

interface Edit {
  /** Files that are written anew. */
  readonly files?: Readonly<Record<string, string>>;
  readonly without?: readonly string[];
  readonly links?: readonly string[];
  /** Files of another recorded node, added to the node's own. */
  readonly addFrom?: { readonly node: string; readonly files: readonly string[] };
}

const ruleFiles = ['iptables-nft-save.txt', 'ip6tables-nft-save.txt', 'nft-list-ruleset.txt'];
/** An empty answer: it was asked, and was silent. */
const silence = Object.fromEntries(
  ['healthz.txt', 'livez.txt', 'metrics.txt', 'proxyMode.txt', 'configz.json'].map((file) => [
    `kube-proxy/${file}`,
    '',
  ]),
);

/** Audits one recorded node of s1 with these changes, against the API of s1. */
async function auditOf(node: string, { files = {}, without = [], links = [], addFrom }: Edit) {
  const bundle = mkdtempSync(join(work, 'bundle-'));
  const folder = join(bundle, node);
  cpSync(recorded(node), folder, { recursive: true });
  for (const file of without) rmSync(join(folder, file), { force: true });
  for (const file of addFrom?.files ?? []) {
    appendFileSync(join(folder, file), readFileSync(join(recorded(addFrom?.node ?? ''), file)));
  }
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  const addresses = join(folder, 'net/ip-addr.json');
  const list = JSON.parse(readFileSync(addresses, 'utf8')) as unknown[];
  const more = links.map((ifname, index) => ({ ifindex: 900 + index, ifname, addr_info: [] }));
  writeFileSync(addresses, JSON.stringify([...list, ...more]));
  const audit = await audited('s1-healthy', { bundle, api: join(recordingFolder('s1-healthy'), 'api') });
  const { findings, nodes } = audit.report;
  return {
    mode: nodes.find(({ name }) => name === node)?.mode,
    state: statesOf(audit)[node],
    findings: findings.map(({ check, state, severity }) => `${check} ${state} ${severity}`),
    summaries: findings.map(({ summary }) => summary),
    untold: audit.untold.get(node),
  };
}

const ciliumLinks = ['cilium_net', 'cilium_host', 'lxc6e1'];
const noRules = { without: [...ruleFiles], files: { ...silence, 'nft-list-ruleset.txt': 'table inet other {\n}\n' } };
const services = JSON.stringify([
  {
    spec: {
      'frontend-address': { ip: '10.96.0.1', port: 443, protocol: 'TCP', scope: 'external' },
      'backend-addresses': [{ ip: '192.168.100.1', port: 6443, protocol: 'TCP', state: 'active', weight: 100 }],
      flags: { type: 'ClusterIP', namespace: 'default', name: 'kubernetes' },
    },
  },
]);

describe('a node that was switched from iptables to nftables without cleaning up', () => {
  it("has one finding, and none per Service (s1, node-c with node-a's iptables rules)", async () => {
    const audit = await auditOf('node-c', { addFrom: { node: 'node-a', files: ruleFiles } });
    expect([audit.mode, audit.state, audit.findings]).toEqual([
      'nftables',
      'unhealthy',
      ['leftover-proxy-rules firing high'],
    ]);
    expect(audit.summaries[0]).toMatch(
      /^node-c runs kube-proxy in nftables mode but the kernel still holds service chains in iptables/,
    );
  });

  it('whose kube-proxy is silent has none of its Services judged: which rules count cannot be told', async () => {
    const audit = await auditOf('node-c', { addFrom: { node: 'node-a', files: ruleFiles }, files: silence });
    expect(audit).toMatchObject({
      mode: 'unknown',
      findings: ['proxy-down firing critical', 'leftover-proxy-rules firing high'],
      untold: expect.stringContaining('kube-proxy is silent, traces of iptables and nftables'),
    });
  });

  it('is no such node with the host ports of a plug-in alone in iptables (s1, node-c and two rules of portmap)', async () => {
    const hostPorts = [
      '*nat',
      ':PREROUTING ACCEPT [0:0]',
      ':CNI-HOSTPORT-DNAT - [0:0]',
      '-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
      '-A CNI-HOSTPORT-DNAT -p tcp -m tcp --dport 8443 -j DNAT --to-destination 10.244.3.9:443',
      'COMMIT',
      '# Completed on Sun Nov 22 07:31:35 2026\n',
    ].join('\n');
    const nft = `${readFileSync(join(recorded('node-c'), 'nft-list-ruleset.txt'), 'utf8')}table ip nat {\n\tchain CNI-HOSTPORT-DNAT {\n\t\ttcp dport 8443 dnat to 10.244.3.9:443\n\t}\n}\n`;
    const audit = await auditOf('node-c', {
      files: { 'iptables-nft-save.txt': hostPorts, 'nft-list-ruleset.txt': nft },
    });
    expect([audit.mode, audit.findings]).toEqual(['nftables', []]);
  });
});

describe('Cilium', () => {
  it('in place of kube-proxy makes the node unknown, with the reason and no finding (s1, node-a without rules)', async () => {
    expect(await auditOf('node-a', { ...noRules, links: ciliumLinks })).toEqual({
      mode: 'cilium',
      state: 'unknown',
      findings: [],
      summaries: [],
      untold: 'cilium: GET http://cilium.sock/v1/service was not recorded',
    });
  });

  it('whose services were recorded is read, and not compared', async () => {
    const files = { ...noRules.files, 'cilium-service-list.json': services };
    const audit = await auditOf('node-a', { ...noRules, files, links: ciliumLinks });
    expect([audit.mode, audit.state, audit.findings]).toEqual(['cilium', 'unknown', []]);
    expect(audit.untold).toBe('cilium: its services were read; what they should be is not known for this proxy');
  });

  it('that says it replaces a kube-proxy whose rules are still there: one finding (s1, node-a silent)', async () => {
    const files = { ...silence, 'cilium-status.json': '{"kube-proxy-replacement":{"mode":"True"}}' };
    const audit = await auditOf('node-a', { files, links: ciliumLinks });
    expect([audit.mode, audit.state, audit.findings]).toEqual([
      'cilium',
      'unhealthy',
      ['leftover-proxy-rules firing high'],
    ]);
    expect(audit.summaries).toEqual([
      "node-a runs Cilium in kube-proxy's place but the kernel still holds service chains in iptables.",
    ]);
  });

  it('beside the rules of a silent kube-proxy: one unknown finding, and no Service is judged (s1, node-a silent)', async () => {
    const audit = await auditOf('node-a', { files: silence, links: ciliumLinks });
    expect([audit.mode, audit.state, audit.findings]).toEqual(['unknown', 'unknown', ['proxy-down unknown critical']]);
    expect(audit.untold).toMatch(/either it is down, or cilium \(link cilium_host\) serves Services/);
  });

  it('beside a kube-proxy that answers changes nothing: its rules are judged as usual (s1, node-a)', async () => {
    expect(await auditOf('node-a', { links: ciliumLinks })).toMatchObject({
      mode: 'iptables',
      state: 'healthy',
      findings: [],
    });
  });

  it('that says it replaces a kube-proxy that still runs: two proxies, one finding (s1, node-a)', async () => {
    const files = { 'cilium-status.json': '{"kube-proxy-replacement":{"mode":"True"}}' };
    const audit = await auditOf('node-a', { files, links: ciliumLinks });
    expect(audit.findings).toEqual(['competing-proxies firing medium']);
  });
});

describe('a node without kube-proxy and its rules', () => {
  it("on which Calico's eBPF mode shows itself is unknown, and says who serves", async () => {
    expect(await auditOf('node-a', { ...noRules, links: ['bpfin.cali', 'bpfout.cali'] })).toMatchObject({
      mode: 'ebpf',
      state: 'unknown',
      findings: [],
      untold: 'calico: Plumbline has no reader for its tables',
    });
  });

  it('on which nobody shows: one finding that says so and none per Service; that a host port lost its rules is certain', async () => {
    const audit = await auditOf('node-a', noRules);
    expect([audit.mode, audit.state, audit.findings]).toEqual([
      'none',
      'unhealthy',
      // The CNI configuration of the node names portmap, and media/hostport-0 runs there.
      ['proxy-down unknown critical', 'hostport-missing firing high'],
    ]);
    expect(audit.untold).toBe('no Service proxy left any rule on it, nor is there a sign of another one');
  });
});
