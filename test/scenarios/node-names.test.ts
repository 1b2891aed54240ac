/** Nodes that are told apart by their names, and nodes that are held against each other. Recorded, with what is named changed. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { recordingFolder } from '../recordings.ts';
import { auditedWhole } from './audited.ts';

const work = mkdtempSync(join(tmpdir(), 'plumbline-names-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const recorded = recordingFolder('s1-healthy');

interface ApiObject {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly externalIPs?: readonly string[] };
}
type Change = (object: ApiObject) => readonly ApiObject[];

/** The API of s1 with objects changed, and nodes that are copies of recorded ones. */
function bundleOf(nodes: Readonly<Record<string, string>>, changes: Readonly<Record<string, Change>>): string {
  const bundle = mkdtempSync(join(work, 'bundle-'));
  cpSync(join(recorded, 'api'), join(bundle, 'api'), { recursive: true });
  for (const [name, copied] of Object.entries(nodes)) {
    cpSync(join(recorded, copied), join(bundle, name), { recursive: true });
  }
  for (const [kind, change] of Object.entries(changes)) {
    const file = join(bundle, 'api', `${kind}.json`);
    const list = JSON.parse(readFileSync(file, 'utf8')) as { readonly items: readonly ApiObject[] };
    writeFileSync(file, JSON.stringify({ ...list, items: list.items.flatMap(change) }));
  }
  return bundle;
}

async function told(bundle: string) {
  const { report } = await auditedWhole('s1-healthy', { bundle, api: join(bundle, 'api') });
  const findings = report.findings.filter(({ check }) => check !== 'service-selects-nothing');
  return findings.map(({ check, severity, node, summary }) => ({ check, severity, node, summary }));
}

const named = (object: ApiObject, name: string): ApiObject => ({ ...object, metadata: { ...object.metadata, name } });

describe('node-name-mismatch', () => {
  it('s1 node-b, the Node renamed node-b.example.com in the API: kube-proxy calls itself node-b', async () => {
    const rename: Change = (node) => [named(node, `${node.metadata.name}.example.com`)];
    expect(await told(bundleOf({ 'node-b.example.com': 'node-b' }, { nodes: rename }))).toEqual([
      {
        check: 'node-name-mismatch',
        severity: 'high',
        node: 'node-b.example.com',
        summary:
          'kube-proxy on node-b.example.com takes its node for node-b, which no Node has: it takes no endpoint here for local, and does not know the zone.',
      },
    ]);
  });

  it('s1 node-b, whose kube-proxy is told Node-B: it makes the letters small itself', async () => {
    const bundle = bundleOf({ 'node-b': 'node-b' }, {});
    const file = join(bundle, 'node-b/kube-proxy/configz.json');
    const configuration = readFileSync(file, 'utf8');
    expect(configuration).toContain('"hostnameOverride":"node-b"');
    writeFileSync(file, configuration.replace('"hostnameOverride":"node-b"', '"hostnameOverride":"Node-B"'));
    const ofNames = (await told(bundle)).filter(({ check }) => check !== 'policy-not-enforced');
    expect(ofNames).toEqual([]);
  });
});

describe('odd-node-out', () => {
  const copies = { 'node-1': 'node-a', 'node-2': 'node-a', 'node-3': 'node-a', 'node-4': 'node-a' };
  const copyNodes: Change = (node) =>
    node.metadata.name === 'node-a' ? Object.keys(copies).map((name) => named(node, name)) : [node];
  /** Beside edge/ext-ip, whose rules the nodes have. */
  const claimToo: Change = (service) =>
    service.metadata.name === 'web'
      ? [{ ...service, spec: { ...service.spec, externalIPs: ['198.51.100.50'] } }]
      : [service];

  /** Copies have one name and one range of pods. */
  const ofCopies = ['node-name-mismatch', 'pod-cidr-overlap'];
  const odd = async (bundle: string) => (await told(bundle)).filter(({ check }) => !ofCopies.includes(check));

  it('four copies of s1 node-a and shop/web asking for 198.51.100.50 too: chance decides, nothing is odd', async () => {
    expect(await odd(bundleOf(copies, { nodes: copyNodes, services: claimToo }))).toEqual([]);
  });

  it('the same, and one of them without the rule of 198.51.100.50', async () => {
    const bundle = bundleOf(copies, { nodes: copyNodes, services: claimToo });
    const file = join(bundle, 'node-4/iptables-nft-save.txt');
    const lines = readFileSync(file, 'utf8').split('\n');
    const kept = lines.filter((line) => !line.startsWith('-A KUBE-SERVICES -d 198.51.100.50/32'));
    expect(lines.length - kept.length).toBe(1);
    writeFileSync(file, kept.join('\n'));
    expect(await odd(bundle)).toEqual([
      {
        check: 'odd-node-out',
        severity: 'high',
        node: null,
        summary:
          'At tcp 198.51.100.50:80 node-4 serves none of edge/ext-ip and shop/web; its 3 peers agree with each other.',
      },
      {
        check: 'orphaned-chains',
        severity: 'low',
        node: 'node-4',
        summary: '1 chain of edge/ext-ip on node-4 is referred to by no rule: KUBE-EXT-JZXTT5W5KNVLD6OK.',
      },
    ]);
  });
});
