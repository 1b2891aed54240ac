import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Host } from '../../agent/host.ts';
import { observe } from '../../agent/observe.ts';
import { recordedHost } from '../../agent/recorded-host.ts';
import { noon } from '../../test/audit-record.ts';
import { recordedSnapshot } from '../../test/recorded-snapshot.ts';
import { recordingFolder } from '../../test/recordings.ts';
import { auditNodes } from '../audit/audit-nodes.ts';
import { NodeFolder } from './node-folder.ts';
import { RecordingHost } from './recording-host.ts';

let place = '';
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'plumbline-test-'));
});
afterAll(() => rmSync(place, { recursive: true }));

let count = 0;

/** What was recorded of a node while it was observed once. */
async function recordingOf(host: Host) {
  count += 1;
  const folder = new NodeFolder(join(place, String(count)));
  const recording = new RecordingHost(host, folder);
  const { parts, profile } = await observe(recording, { now: () => new Date(noon) });
  recording.finish();
  return { folder: folder.path, problems: recording.problems, parts, profile };
}

function filesIn(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe('a recording that is made while a node is observed', () => {
  it.each([
    ['s1-healthy', 'node-a', 'iptables-nft'],
    ['s1-healthy', 'node-b', 'iptables-legacy'],
    ['s1-healthy', 'node-c', 'nftables'],
    ['s4-mixed-backends', 'node-b', 'both backends'],
    ['s6b-ipvs-stale', 'node-d', 'IPVS'],
  ])('gives the same audit as the node: %s %s, %s', async (name, node) => {
    const host = recordedHost(join(recordingFolder(name), node));
    const state = recordedSnapshot(name);
    const { folder, problems } = await recordingOf(host);
    const again = await auditNodes([{ name: node, host: recordedHost(folder) }], state);
    expect(problems).toEqual([]);
    expect(again).toEqual(await auditNodes([{ name: node, host }], state));
  });

  it('is read by its owner alone, and holds no half file', async () => {
    const { folder } = await recordingOf(recordedHost(join(recordingFolder('s1-healthy'), 'node-a')));
    const modes = new Set(filesIn(folder).map((path) => statSync(path).mode & 0o777));
    expect([...modes]).toEqual([0o600]);
    expect(filesIn(folder).filter((path) => path.endsWith('.partial'))).toEqual([]);
  });
});

describe('a command that fails', () => {
  it('leaves no file, and is told', async () => {
    const host = recordedHost(join(recordingFolder('s6b-ipvs-stale'), 'node-d'));
    const failing: Host = {
      ...host,
      run: async (command, onOutput) => {
        if (command.program !== 'ipset') return host.run(command, onOutput);
        onOutput(Buffer.from('create KUBE-LOOP'));
        return { ok: false, kind: 'failed', message: 'ipset ended with code 1: Kernel error' };
      },
    };
    const { folder, problems } = await recordingOf(failing);
    expect(problems).toEqual(['ipset ended with code 1: Kernel error']);
    expect(readdirSync(folder)).not.toContain('ipset-save.txt');
  });
});

/** Secrets, in every place of a node where one may lie; each has this in it. */
const secret = 'S3CR3T';
const planted: ReadonlyMap<string, string> = new Map([
  ['/etc/resolv.conf', 'search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 169.254.20.10\n'],
  [
    '/var/lib/kubelet/config.yaml',
    `kind: KubeletConfiguration\nclusterDNS: [169.254.20.10]\nstaticPodURLHeader: {a: [${secret}20]}\n`,
  ],
  [
    '/proc/net/udp',
    '  sl  local_address rem_address   st\n   1: 0A14FEA9:0035 00000000:0000 07\n   2: 0100007F:1F90 00000000:0000 07\n',
  ],
  ['/proc/net/tcp', '  sl  local_address rem_address   st\n   1: 0A14FEA9:0035 00000000:0000 0A\n'],
  [
    '/etc/cni/net.d/10-calico.conflist',
    `{"name":"k8s","plugins":[{"type":"calico","kubernetes":{"k8s_api_root":"x","token":"${secret}1"},"mtu":1440,"hairpinMode":"${secret}12","ipam":{"type":"host-local","token":"${secret}13","ranges":[[{"subnet":"10.244.1.0/24","x":"${secret}14"}]]},"delegate":{"type":"ptp","mtu":1400,"x":"${secret}15"},"delegates":[{"type":"sriov","x":"${secret}16"},{"plugins":[{"type":"ipvlan","x":"${secret}17"}]}]},{"type":"portmap","${secret}2":1}]}`,
  ],
  [
    '/var/lib/cni/results/k8s-aaa-eth0',
    `{"kind":"cniCacheV1","containerId":"aaa","config":"${secret}18","ifName":"eth0","networkName":"k8s","netns":"/run/netns/cni-1","cniArgs":[["K8S_POD_NAMESPACE","shop"],["K8S_POD_NAME","web-0"],["TOKEN","${secret}19"]],"capabilityArgs":{"x":"${secret}20"},"result":{"interfaces":[{"name":"veth1","x":"${secret}21"},{"name":"eth0","sandbox":"/run/netns/cni-1"}],"ips":[{"address":"10.244.1.9/24","x":"${secret}22"}],"dns":{"search":["${secret}23"]}}}`,
  ],
  ['/var/lib/cni/results/broken', `${secret}24`],
  // Another program's cgroup and name may say anything.
  ['/proc/77/cgroup', `0::/system.slice/${secret}25.service\n`],
  ['/proc/88/cgroup', `0::/kubepods/pod${'1'.repeat(32)}/${'a'.repeat(64)}\n`],
  ['/proc/88/stat', `88 (web) S ${'0 '.repeat(18)}100 0\n`],
  ['/proc/88/net/dev', 'Inter-|\n face |\n    lo: 0\n  eth0: 0\n'],
  ['/proc/88/net/fib_trie', '  |-- 10.244.1.9\n    /32 host LOCAL\n'],
  ['/etc/cni/net.d/20-broken.conf', `{"name":"x","token":"${secret}3"`],
  ['/var/lib/cni/networks/k8s/10.244.1.9', `d729e664\r\neth0\r\n${secret}4`],
  ['/proc/sys/net/netfilter/nf_conntrack_max', '262144\n'],
]);
const answers: ReadonlyMap<string, string> = new Map([
  [
    'http://127.0.0.1:10249/configz',
    `{"kubeproxy.config.k8s.io":{"hostnameOverride":"node-a","mode":"iptables","clientConnection":{"kubeconfig":"/var/lib/kube-proxy/${secret}5"},"iptables":{"masqueradeBit":14,"x":"${secret}6"}},"other":"${secret}7"}`,
  ],
  ['http://127.0.0.1:10256/healthz', `{"lastUpdated":"${secret}8"}`],
  ['http://127.0.0.1:10249/proxyMode', `password=${secret}9`],
  [
    'http://127.0.0.1:10249/metrics',
    `app_token{value="${secret}10"} 1\nkubernetes_build_info{git_version="v1.36.2"} 1\n`,
  ],
]);

function secretHost(): Host {
  const host = recordedHost(join(recordingFolder('s1-healthy'), 'node-a'));
  const list: NonNullable<Host['list']> = async (path) => {
    const names = new Set(
      [...planted.keys()].flatMap((file) =>
        file.startsWith(`${path}/`) ? [file.slice(path.length + 1).split('/')[0] ?? ''] : [],
      ),
    );
    if (names.size === 0) return { ok: false, kind: 'absent', message: `${path} does not exist` };
    const kind = path.endsWith('/networks') ? 'folder' : 'file';
    const beside = path === '/etc/cni/net.d' ? ['calico-kubeconfig'] : [];
    return { ok: true, entries: [...names, ...beside].map((name) => ({ name, kind })) };
  };
  return {
    run: host.run,
    list,
    executables: async (path) =>
      path === '/opt/cni/bin'
        ? { ok: true, entries: [{ name: 'ptp', kind: 'file' }] }
        : { ok: false, kind: 'absent', message: `${path} does not exist` },
    askBird: async (path) =>
      path === '/var/run/calico/bird.ctl'
        ? { ok: true, text: '1002-device1    Device     ---        up     05:43:43.402\n0000 \n' }
        : { ok: false, kind: 'absent', message: `${path} is not there` },
    read: async (path, most) => {
      const text = planted.get(path);
      return text === undefined ? host.read(path, most) : { ok: true, bytes: Buffer.from(text) };
    },
    get: async (url) => {
      const body = answers.get(url) ?? `{"secret":"${secret}11"}`;
      return { ok: true, status: url.endsWith('/healthz') ? 503 : 200, body };
    },
  };
}

describe('a node with secrets in its files and answers', () => {
  it('is recorded without any of them', async () => {
    const { folder } = await recordingOf(secretHost());
    const files = filesIn(folder);
    const telling = files.filter((path) => readFileSync(path, 'latin1').includes(secret) || path.includes(secret));
    expect(telling).toEqual([]);
    expect(files.length).toBeGreaterThan(10);
    const calico =
      '{"type":"calico","mtu":1440,"ipam":{"type":"host-local","ranges":[[{"subnet":"10.244.1.0/24"}]]},"delegate":{"type":"ptp","mtu":1400},"delegates":[{"type":"sriov"},{"plugins":[{"type":"ipvlan"}]}]}';
    expect(readFileSync(join(folder, 'etc-cni-net.d/10-calico.conflist'), 'utf8')).toBe(
      `{"name":"k8s","plugins":[${calico},{"type":"portmap"}]}\n`,
    );
    const processes: unknown = JSON.parse(readFileSync(join(folder, 'pod-processes.json'), 'utf8'));
    expect(Object.keys(processes ?? {})).toEqual(['88/cgroup', '88/stat', '88/net/fib_trie', '88/net/dev']);
    const resolvers = JSON.parse(readFileSync(join(folder, 'resolver-files.json'), 'utf8')) as Record<string, string>;
    expect(Object.keys(resolvers)).toEqual([
      ...['/etc/resolv.conf', '/var/lib/kubelet/config.yaml'],
      ...['/proc/net/udp', '/proc/net/tcp'],
    ]);
    expect(resolvers['/proc/net/udp']).not.toContain('1F90');
    expect(readdirSync(join(folder, 'etc-cni-net.d'))).toEqual(['10-calico.conflist', '20-broken.conf']);
  });

  it('is observed from the recording as it was itself', async () => {
    const { folder, parts, profile } = await recordingOf(secretHost());
    const again = await observe(recordedHost(folder), { now: () => new Date(noon) });
    const { kubeProxy, ...others } = parts;
    const { kubeProxy: recorded, ...recordedOthers } = again.parts;
    expect(recordedOthers).toEqual(others);
    const { cni, bird, podNetworks, dns } = others;
    expect(dns.state === 'ok' && [dns.value.kubelet?.clusterDns, dns.value.nodeLocal]).toEqual([
      ['169.254.20.10'],
      {
        ...{ addresses: ['169.254.20.10'], link: null, linkIsUp: false },
        ...{ listens: { udp: true, tcp: true } },
      },
    ]);
    expect(cni.state === 'ok' && [cni.value.results.total, cni.value.pluginFolders]).toEqual([
      2,
      [{ path: '/opt/cni/bin', executables: ['ptp'] }],
    ]);
    expect(bird.state === 'ok' && bird.value.protocols.total).toBe(1);
    expect(podNetworks.state === 'ok' && podNetworks.value.pods.first.map(({ addresses }) => addresses)).toEqual([
      [{ link: 'eth0', address: '10.244.1.9', prefixLength: 32 }],
    ]);
    expect(again.profile).toEqual(profile);
    expect([recorded.state, kubeProxy.state]).toEqual(['ok', 'ok']);
  });
});
