import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { nodeRecord, tracked } from '../../test/audit-record.ts';
import { recordedMoment, unpackedSnapshot } from '../../test/recorded-moment.ts';
import { dnsConfigurationKind } from '../cluster/dns-configuration.ts';
import { podKind } from '../cluster/pod.ts';
import { podEventKind } from '../cluster/pod-event.ts';
import { serviceKind } from '../cluster/service.ts';
import { readList } from '../cluster/api-list.ts';
import { Names } from '../cluster/names.ts';
import type { AuditMoment } from '../model/moment.ts';

const secret = 'S3CR3T';
const token = `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZ2VudCJ9.${secret}`;
const empty: AuditMoment = {
  nodes: [],
  findings: [],
  objects: {
    services: [],
    endpointSlices: [],
    nodes: [],
    pods: [],
    namespaces: [],
    podEvents: [],
    networkPolicies: [],
    foreignPolicies: [],
    dnsConfigurations: [],
  },
};

interface Document {
  readonly leftOut: readonly { readonly file: string; readonly because: string }[];
}

function documentIn(folder: string): Document {
  return JSON.parse(readFileSync(join(folder, 'snapshot.json'), 'utf8'));
}

describe('a snapshot', () => {
  it('has a place for everything, which only its owner may read', async () => {
    const moment = await recordedMoment('s6b-ipvs-stale');
    const { folder, remove } = await unpackedSnapshot({ ...moment, findings: [tracked('stale-endpoint')] });
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      statSync(join(folder, name)).isFile(),
    );
    expect(files.sort()).toEqual([
      ...['endpointslices', 'events', 'namespaces', 'networkpolicies', 'nodes', 'pods', 'services'].map(
        (name) => `api/${name}.json`,
      ),
      'findings.json',
      'node-d/node.json',
      ...partsOf(moment).map((name) => `node-d/parts/${name}.json`),
      'node-d/table.json',
      'snapshot.json',
    ]);
    expect(new Set(files.map((name) => statSync(join(folder, name)).mode & 0o777))).toEqual(new Set([0o600]));
    const { items } = JSON.parse(readFileSync(join(folder, 'findings.json'), 'utf8'));
    expect(items.map(({ check, state }: { check: string; state: string }) => [check, state])).toEqual([
      ['stale-endpoint', 'firing'],
    ]);
    remove();
  });

  it('says what it has not, and why', async () => {
    const unknown = {
      ...empty,
      objects: { ...empty.objects, pods: null, podEvents: null, dnsConfigurations: null },
      nodes: [moment('snapshot.json'), moment('node-a')],
    };
    const { folder, remove } = await unpackedSnapshot(unknown);
    expect(documentIn(folder).leftOut).toEqual([
      { file: 'api/pods.json', because: 'the aggregator does not know them now' },
      { file: 'api/events.json', because: 'the aggregator does not know them now' },
      { file: 'api/configmaps.json', because: 'the aggregator does not know them now' },
      { file: 'snapshot.json/', because: 'no folder can have the name of this node' },
    ]);
    expect(readdirSync(folder).sort()).toEqual(['api', 'findings.json', 'node-a', 'snapshot.json']);
    remove();
  });

  it('says of a node that was never heard why it is unknown, and nothing else', async () => {
    const { folder, remove } = await unpackedSnapshot({ ...empty, nodes: [moment('node-a')] });
    expect(readdirSync(join(folder, 'node-a'))).toEqual(['node.json']);
    const { notJudgedBecause, reading } = JSON.parse(readFileSync(join(folder, 'node-a/node.json'), 'utf8'));
    expect([notJudgedBecause, reading]).toEqual(['no agent of it has reported', null]);
    remove();
  });
});

/** What the one node of a moment has told, its profile with it, by name. */
function partsOf({ nodes }: AuditMoment): readonly string[] {
  const parts = Object.entries(nodes[0]?.report?.parts ?? {});
  const told = parts.flatMap(([name, { state }]) => (state === 'absent' ? [] : [name]));
  expect(told).toEqual(expect.arrayContaining(['forwarding', 'ipvs', 'links', 'routes']));
  return [...told, 'profile'].sort();
}

function moment(name: string): AuditMoment['nodes'][number] {
  return {
    record: nodeRecord(name),
    notJudgedBecause: 'no agent of it has reported',
    report: null,
    history: null,
    converging: [],
  };
}

describe('secrets of a cluster', () => {
  const metadata = {
    namespace: 'shop',
    name: 'web',
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `{"password":"${secret}"}`, other: secret },
  };
  const pod = {
    metadata,
    spec: {
      containers: [
        {
          name: 'web',
          args: [`--token=${secret}`],
          env: [{ name: 'PASSWORD', value: secret }],
          ports: [{ containerPort: 80 }],
        },
      ],
      volumes: [{ name: 'x', secret: { secretName: secret } }],
      imagePullSecrets: [{ name: secret }],
    },
    status: { phase: 'Running', podIP: '10.244.1.2', message: secret },
  };
  const Corefile = `.:53 {
    errors
    etcd skydns.local {
        credentials admin ${secret}
        endpoint https://root:${secret}@10.0.0.1:2379
    }
    route53 example.org.:Z1 {
        aws_access_key AKIA ${secret}
    }
    tsig {
        secret example.org. ${secret}
    }
    forward . 10.0.0.2
    # password: ${secret}
    cache 30
}`;
  const event = {
    metadata: { ...metadata, name: 'web.1' },
    involvedObject: { kind: 'Pod', namespace: 'shop', name: 'web-0', uid: 'uid-of-web-0' },
    reason: 'FailedCreatePodSandBox',
    source: { component: 'kubelet', host: 'node-a' },
    lastTimestamp: '2026-11-22T12:00:00Z',
    message: `plugin type="calico" failed (add): Get "https://x:${secret}@10.96.0.1/": Authorization: Bearer ${token} was ${token}`,
    count: 3,
  };

  it('are in none of its files, wherever they were', async () => {
    const pods = readList({ items: [pod] }, podKind(new Names()));
    const services = readList(
      { items: [{ metadata, spec: { type: 'ClusterIP', ports: [{ port: 80 }] } }] },
      serviceKind,
    );
    const events = readList({ items: [event] }, podEventKind);
    const coredns = {
      metadata: { ...metadata, namespace: 'kube-system', name: 'coredns' },
      data: { Corefile, db: secret },
    };
    const configMaps = readList({ items: [coredns] }, dnsConfigurationKind);
    if (!pods.ok || !services.ok || !events.ok || !configMaps.ok) throw new Error('the objects are well-formed');
    const known = {
      pods: pods.value,
      services: services.value,
      podEvents: events.value,
      dnsConfigurations: configMaps.value,
    };
    const moment = { ...empty, objects: { ...empty.objects, ...known } };
    const { folder, archive, remove } = await unpackedSnapshot(moment);
    expect(gunzipSync(readFileSync(archive)).toString('latin1')).not.toContain(secret);
    const told = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8'));
    expect(told('api/configmaps.json').items[0].data).toEqual({
      db: '(left out)',
      Corefile: `.:53 {
    errors
    etcd skydns.local {
        (left out)
        (left out)
    }
    route53 example.org.:Z1 {
        (left out)
    }
    (left out) {
        (left out)
    }
    forward . 10.0.0.2
    (left out)
    cache 30
}`,
    });
    expect(told('api/events.json').items).toEqual([
      {
        metadata: { namespace: 'shop', name: 'web-0.', uid: '' },
        involvedObject: { kind: 'Pod', namespace: 'shop', name: 'web-0', uid: 'uid-of-web-0' },
        source: { component: 'kubelet', host: 'node-a' },
        type: 'Warning',
        reason: 'FailedCreatePodSandBox',
        message:
          'plugin type="calico" failed (add): Get "https://(left out)@10.96.0.1/": Authorization: Bearer (left out) was (left out)',
        count: 3,
        firstTimestamp: '',
        lastTimestamp: '2026-11-22T12:00:00Z',
      },
    ]);
    expect(told('api/pods.json').items[0].spec).toEqual({
      containers: [{ name: 'all', ports: [{ protocol: 'TCP', containerPort: 80 }] }],
    });
    remove();
  });
});
