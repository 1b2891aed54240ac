import { describe, expect, it } from 'vitest';
import type { DnsReport } from '../../../proto/parts.ts';
import { address } from '../../../test/builders.ts';
import { listed } from '../../../test/network-builders.ts';
import { reported } from '../../../test/view-builders.ts';
import { type Script, scriptedHost } from '../../scripted-host.ts';
import { collectDns } from './dns.ts';

const pods = 'search plumbline.svc.corp.local svc.corp.local corp.local\nnameserver 10.96.0.10\noptions ndots:5\n';
const own = 'nameserver 192.0.2.53\n';
const kubelet = (lines: string) => `kind: KubeletConfiguration\n${lines}`;
const servers =
  'clusterDNS: [10.96.0.99]\nclusterDomain: cluster.local\nresolvConf: /run/systemd/resolve/resolv.conf\n';
const refused = { ok: false, kind: 'not-permitted', message: 'EACCES' } as const;

/** Whose settings the node's are, what the kubelet gives and out of which file, and why what is not known is not. */
async function told(files: NonNullable<Script['files']>) {
  const reports = { links: reported({ links: listed([]) }), addresses: reported({ addresses: [], links: [] }) };
  const part = await collectDns(scriptedHost({ files }), reports, () => new Date(0));
  if (part.state !== 'ok') return part.state;
  const { node, nodeUnreadBecause, kubelet: given, kubeletUnreadBecause } = part.value;
  const says = given === null ? null : givenWords(given);
  return { node: node?.settings.nameservers ?? nodeUnreadBecause, kubelet: says ?? kubeletUnreadBecause };
}

function givenWords({ file, clusterDns, clusterDomain, upstream }: NonNullable<DnsReport['kubelet']>): string {
  return `${file}: ${clusterDns.join()} ${clusterDomain}, above ${upstream?.nameservers.join() ?? 'not known'}`;
}

describe('how names are resolved on a node', () => {
  it('that is the machine itself is in its own files', async () => {
    const files = {
      '/etc/resolv.conf': own,
      '/var/lib/kubelet/config.yaml': kubelet(servers),
      '/run/systemd/resolve/resolv.conf': 'nameserver 10.0.0.2\n',
    };
    expect(await told(files)).toEqual({
      node: [address('192.0.2.53')],
      kubelet: '/var/lib/kubelet/config.yaml: 10.96.0.99 cluster.local, above 10.0.0.2',
    });
  });

  it("that is seen from a pod is in what is mounted, and never in the pod's own", async () => {
    const files = {
      '/etc/resolv.conf': pods,
      '/host/etc/resolv.conf': own,
      '/host/var/lib/kubelet/config.yaml': kubelet(servers),
      '/host/run/systemd/resolve/resolv.conf': 'nameserver 10.0.0.2\n',
      '/run/systemd/resolve/resolv.conf': 'nameserver 203.0.113.9\n',
    };
    expect(await told(files)).toEqual({
      node: [address('192.0.2.53')],
      kubelet: '/var/lib/kubelet/config.yaml: 10.96.0.99 cluster.local, above 10.0.0.2',
    });
  });

  it("that mounts nothing is told by the agent's own pod as far as that goes", async () => {
    expect(await told({ '/etc/resolv.conf': pods })).toEqual({
      node: "the agent's own /etc/resolv.conf is a pod's, and the node's is not mounted",
      kubelet: '/etc/resolv.conf: 10.96.0.10 corp.local, above not known',
    });
  });

  it('whose kubelet has its servers by a flag is told of these by the pod, and of the rest by the file', async () => {
    const files = {
      '/etc/resolv.conf': pods,
      '/host/var/lib/kubelet/config.yaml': kubelet('resolvConf: /etc/resolv.conf\n'),
      '/host/etc/resolv.conf': own,
    };
    expect(await told(files)).toEqual({
      node: [address('192.0.2.53')],
      kubelet: '/var/lib/kubelet/config.yaml: 10.96.0.10 corp.local, above 192.0.2.53',
    });
  });

  it('whose files are refused is told with the reason, and one without any is not told of', async () => {
    expect(await told({ '/etc/resolv.conf': refused })).toEqual({
      node: 'EACCES',
      kubelet: '/var/lib/kubelet/config.yaml does not exist',
    });
    expect(await told({})).toBe('absent');
  });

  it('whose configuration is none says so', async () => {
    expect(await told({ '/etc/resolv.conf': own, '/var/lib/kubelet/config.yaml': 'kind: Pod\n' })).toMatchObject({
      kubelet: '/var/lib/kubelet/config.yaml is no KubeletConfiguration',
    });
  });
});
