import { describe, expect, it } from 'vitest';
import { address } from '../../../test/builders.ts';
import { kubeletByPod, readKubeletConfig } from './kubelet-settings.ts';
import { readResolvConf } from './resolv-conf.ts';

const head = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';

describe("the kubelet's configuration", () => {
  it.each([
    [
      'as kubeadm writes it',
      `${head}authentication:\n  anonymous: {enabled: false}\nclusterDNS:\n- 10.96.0.10\nclusterDomain: cluster.local\nresolvConf: /run/systemd/resolve/resolv.conf\n`,
      {
        clusterDns: [address('10.96.0.10')],
        clusterDomain: 'cluster.local',
        resolvConf: '/run/systemd/resolve/resolv.conf',
      },
    ],
    [
      'as JSON, with both families and what is no address',
      '{"kind":"KubeletConfiguration","clusterDNS":["10.96.0.10","fd00::a",7,"dns"],"clusterDomain":"corp.local"}',
      {
        clusterDns: [address('10.96.0.10'), address('fd00::a')],
        clusterDomain: 'corp.local',
        resolvConf: '/etc/resolv.conf',
      },
    ],
    [
      'that says nothing of names',
      head,
      { clusterDns: [], clusterDomain: 'cluster.local', resolvConf: '/etc/resolv.conf' },
    ],
    [
      'with a last dot and capitals in its domain, as resolvers take it',
      `${head}clusterDomain: Corp.Local.\n`,
      { clusterDns: [], clusterDomain: 'corp.local', resolvConf: '/etc/resolv.conf' },
    ],
    [
      'whose domain is the root',
      `${head}clusterDomain: .\n`,
      { clusterDns: [], clusterDomain: 'cluster.local', resolvConf: '/etc/resolv.conf' },
    ],
    [
      'whose members are something else',
      `${head}clusterDNS: 10.96.0.10\nclusterDomain: [a]\nresolvConf: ${'a'.repeat(254)}\n`,
      { clusterDns: [], clusterDomain: 'cluster.local', resolvConf: '/etc/resolv.conf' },
    ],
  ])('%s', (_, text, word) => {
    expect(readKubeletConfig(text)).toEqual(word);
  });

  it.each([
    ['empty', ''],
    ['another kind', 'kind: ClusterConfiguration\nclusterDNS: [10.96.0.10]\n'],
    ['a list', '- kind: KubeletConfiguration\n'],
    ['no YAML', 'kind: [KubeletConfiguration\n\u0000'],
    ['a bomb of aliases', `a: &a [x, x]\nb: &b [*a, *a]\n${head}clusterDNS: *b\n`],
  ])('that is %s is none', (_, text) => {
    expect(readKubeletConfig(text)).toBeNull();
  });

  it('has sixteen servers at most', () => {
    const servers = Array.from({ length: 100 }, (_, number) => `- 10.96.0.${number}`).join('\n');
    expect(readKubeletConfig(`${head}clusterDNS:\n${servers}\n`)?.clusterDns).toHaveLength(16);
  });
});

describe("the resolv.conf of the agent's own pod", () => {
  const ofPod = (text: string) => kubeletByPod('/etc/resolv.conf', readResolvConf(text));

  it('with ClusterFirstWithHostNet tells what the kubelet gives', () => {
    const search = 'search plumbline.svc.corp.local svc.corp.local corp.local internal.cloud.example';
    expect(ofPod(`${search}\nnameserver 10.96.0.10\noptions ndots:5\n`)).toEqual({
      file: '/etc/resolv.conf',
      clusterDns: [address('10.96.0.10')],
      clusterDomain: 'corp.local',
      resolvConf: null,
      upstream: null,
    });
  });

  it.each([
    ['is that of a node', 'search corp.example\nnameserver 192.0.2.53\n'],
    ['has no server', 'search plumbline.svc.corp.local svc.corp.local corp.local\n'],
    ['begins with other domains', 'search corp.local svc.corp.local plumbline.svc.corp.local\nnameserver 10.96.0.10\n'],
    ['is empty', ''],
  ])('that %s tells nothing of it', (_, text) => {
    expect(ofPod(text)).toBeNull();
  });
});
