/*
 * Before Linux 5.7 a packet that is masqueraded and wrapped into VXLAN gets a wrong outer checksum when the device is
 * said to compute it: the receiver drops it, TCP sends again, and after 63 seconds, when a packet goes another way, a
 * connection comes about (flannel#1279, k3s#2013, calico#3145, kubernetes#88986). Distributions have carried the mend
 * back to older kernels, so the version alone proves nothing.
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { peersOf } from './shared/peers.ts';
import { shellWord } from './shared/remedies.ts';
import { linkTopic, peerTopic } from './shared/topics.ts';
import { counted, joined } from './shared/words.ts';

export const vxlanChecksumOffload: NodeCheck = {
  id: 'vxlan-checksum-offload',
  layer: 'L2',
  scope: 'node',
  severity: 'high',
  title: 'Packets over VXLAN leave with wrong checksums',
  explanation: `This node's kernel is older than 5.7 and leaves checksums of its VXLAN device to the device (\`tx-checksum-ip-generic: on\`). Packets that are masqueraded on their way then leave with a wrong UDP checksum, and the receiving node drops them ("UDP: bad checksum" in its kernel log). From the node to a cluster IP a connection takes 63 seconds; between pods all is well.`,
  falsePositives: `The version alone says nothing, since many distributions have the mend in older kernels: other nodes must count UDP packets with wrong checksums as well, at least ten within a minute, and at least two nodes where more than one is known: a single one may get them from anywhere.`,
  remediation: `Switch the offload off on the device, at every boot (a systemd unit, or the CNI plugin's own setting: Calico's \`FELIX_FEATUREDETECTOVERRIDE=ChecksumOffloadBroken=true\`), or boot a newer kernel.`,
  needs: ['offloads', 'networkSettings'],
  holdForSeconds: 120,
  clearForSeconds: 600,
  evaluate,
};

const mendedIn = [5, 7] as const;
/** Within a minute, at one node. */
const leastErrors = 10;

function evaluate(view: NodeView): readonly Violation[] {
  const { offloads, networkSettings } = view.parts;
  if (offloads.state !== 'ok' || networkSettings.state !== 'ok') return [];
  const { kernel } = networkSettings.value;
  if (kernel === null || !isOlder(kernel)) return [];
  const links = offloads.value.links.filter(({ transmitChecksum }) => transmitChecksum === true);
  const complaining = links.length === 0 ? [] : complainers(view);
  if (complaining.length === 0) return [];
  return links.map(({ link }) => ({
    subject: { kind: 'Link', name: link },
    summary: `${view.name} sends packets with wrong checksums by ${link}: its kernel ${kernel} leaves them to the device, and ${joined(complaining.map(({ name }) => name))} ${complaining.length === 1 ? 'drops' : 'drop'} such packets.`,
    evidence: [
      fact('kernel', kernel),
      fact(`tx-checksum-ip-generic of ${link}`, 'on'),
      ...complaining
        .slice(0, 10)
        .map(({ name, errors }) =>
          fact(name, `${counted(errors, 'packet')} with a wrong UDP checksum within a minute`),
        ),
    ],
    remediation: [
      {
        command: `ethtool -K ${shellWord(link)} tx-checksum-ip-generic off`,
        effect: `Run on ${view.name}: the kernel computes the checksums itself, until the device is made anew.`,
      },
    ],
    frontends: [],
    topics: [linkTopic(link)],
    explainsTopics: complaining.map(({ name }) => peerTopic(name)),
  }));
}

/** @param release `4.18.0-553.el8.x86_64`. */
function isOlder(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  return major < mendedIn[0] || (major === mendedIn[0] && minor < mendedIn[1]);
}

/** A single one among several may get bad packets from anywhere: two must complain, or the only one that is known. */
function complainers(view: NodeView): readonly { readonly name: string; readonly errors: number }[] {
  const known = peersOf(view, view.parts.offloads).flatMap(({ name }) => {
    const counters = view.peers.parts(name)?.networkCounters;
    const errors = counters?.state === 'ok' ? counters.value.udpChecksumErrors : null;
    return errors == null ? [] : [{ name, errors: errors.increase }];
  });
  const complaining = known.filter(({ errors }) => errors >= leastErrors);
  return complaining.length >= Math.min(2, known.length) ? complaining : [];
}
