/** What the chart's pods may do and are told, held against what the programs take. */
import { describe, expect, it } from 'vitest';
import { readConfig as readAgentConfig } from '../../agent/config.ts';
import { agentLabels, readConfig as readAggregatorConfig } from '../../aggregator/config.ts';
import { at, hasKey, isWithin, listAt, renderedChart } from './rendered-chart.ts';

const chart = renderedChart();
const daemonSet = chart.the('DaemonSet');
const deployment = chart.the('Deployment');
const agentPod = at(daemonSet, 'spec.template.spec');
const aggregatorPod = at(deployment, 'spec.template.spec');
const agentContainer = at(agentPod, 'containers.0');
const aggregatorContainer = at(aggregatorPod, 'containers.0');

describe('an agent', () => {
  it('is root with two capabilities and nothing else', () => {
    expect(at(agentContainer, 'securityContext')).toEqual({
      runAsUser: 0,
      runAsGroup: 0,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
    });
    expect(at(agentPod, 'securityContext')).toEqual({ seccompProfile: { type: 'RuntimeDefault' } });
    expect(
      ['hostPID', 'hostIPC', 'shareProcessNamespace'].filter((name) => isWithin({ [name]: true }, agentPod)),
    ).toEqual([]);
  });

  it('has the labels by which the aggregator knows agents', () => {
    const labels: unknown = at(daemonSet, 'spec.template.metadata.labels');
    const selected = Object.fromEntries(agentLabels.split(',').map((label) => label.split('=')));
    expect(labels).toMatchObject(selected);
  });

  it('sees the network of its node, on every node', () => {
    expect([at(agentPod, 'hostNetwork'), at(agentPod, 'dnsPolicy')]).toEqual([true, 'ClusterFirstWithHostNet']);
    expect(at(agentPod, 'tolerations')).toEqual([{ operator: 'Exists' }]);
    expect(at(agentContainer, 'env')).toEqual([
      { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    ]);
  });

  it('has a token for the aggregator alone, and no right in the API', () => {
    const account = at(agentPod, 'serviceAccountName');
    expect([account, at(agentPod, 'automountServiceAccountToken')]).toEqual(['audit-agent', false]);
    expect(at(agentPod, 'volumes.0')).toEqual({
      name: 'token',
      projected: {
        sources: [{ serviceAccountToken: { path: 'token', audience: 'plumbline', expirationSeconds: 3600 } }],
      },
    });
    const subjects = chart.manifests.flatMap((each) => listAt(each, 'subjects'));
    expect(subjects.map((subject) => at(subject, 'name'))).not.toContain(account);
  });

  it('mounts nothing of the node but CNI files, and all of it read-only', () => {
    const paths = listAt(agentPod, 'volumes').flatMap((volume) =>
      hasKey(volume, 'hostPath') ? [at(volume, 'hostPath.path')] : [],
    );
    expect(paths).toEqual(['/etc/cni/net.d', '/var/lib/cni']);
    const writable = listAt(agentContainer, 'volumeMounts').filter((mount) => !isWithin({ readOnly: true }, mount));
    expect(writable).toEqual([]);
  });

  it('is given settings that it takes', () => {
    const outcome = readAgentConfig({
      args: argsOf(agentContainer),
      environment: { NODE_NAME: 'node-a' },
      hostname: 'x',
    });
    if (outcome.kind !== 'run') throw new Error(JSON.stringify(outcome));
    const { nodeName, addresses, credentials, dialSpreadSeconds } = outcome.config;
    expect({ nodeName, addresses, credentials, dialSpreadSeconds }).toEqual({
      nodeName: 'node-a',
      addresses: ['audit-aggregator.observability.svc:8443', 'audit-aggregator-pods.observability.svc:8443'],
      credentials: {
        tokenFile: '/var/run/secrets/plumbline/token',
        caFile: '/etc/plumbline/ca/ca.crt',
        serverName: 'audit-aggregator.observability.svc',
      },
      dialSpreadSeconds: 30,
    });
    expect(isMounted('/var/run/secrets/plumbline/token', agentContainer)).toBe(true);
    expect(isMounted('/etc/plumbline/ca/ca.crt', agentContainer)).toBe(true);
  });

  it('dials Services that exist, at their port', () => {
    const services = chart.manifests.filter(({ kind }) => kind === 'Service');
    const dialled = services.map(({ metadata, ...rest }) => {
      const [port] = listAt(rest, 'spec.ports');
      return `${metadata.name}.${metadata.namespace}.svc:${at(port, 'port')}`;
    });
    const outcome = readAgentConfig({
      args: argsOf(agentContainer),
      environment: { NODE_NAME: 'node-a' },
      hostname: 'x',
    });
    expect(outcome.kind === 'run' ? outcome.config.addresses : []).toEqual(dialled);
    expect(services.map((service) => hasKey(at(service, 'spec'), 'clusterIP'))).toEqual([false, true]);
  });
});

describe('the aggregator', () => {
  it('fits into a namespace with restricted pods', () => {
    expect(at(aggregatorPod, 'securityContext')).toEqual({
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      fsGroup: 65532,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(at(aggregatorContainer, 'securityContext')).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(listAt(aggregatorPod, 'volumes').filter((volume) => hasKey(volume, 'hostPath'))).toEqual([]);
  });

  it('is one, and its next one begins when it has ended: a journal has one writer', () => {
    expect([at(deployment, 'spec.replicas'), at(deployment, 'spec.strategy')]).toEqual([1, { type: 'Recreate' }]);
    expect(at(chart.the('PersistentVolumeClaim'), 'spec.accessModes')).toEqual(['ReadWriteOnce']);
  });

  it('is given settings that it takes, and knows its agents by them', () => {
    const outcome = readAggregatorConfig(argsOf(aggregatorContainer), {});
    if (outcome.kind !== 'run') throw new Error(JSON.stringify(outcome));
    const { agents, http, dataDir, kubeconfig, identity } = outcome.config;
    expect({ agents, http, dataDir, kubeconfig, identity }).toEqual({
      agents: {
        host: '0.0.0.0',
        port: 8443,
        certFile: '/etc/plumbline/tls/tls.crt',
        keyFile: '/etc/plumbline/tls/tls.key',
      },
      http: { host: '127.0.0.1', port: 8080 },
      dataDir: '/var/lib/plumbline',
      kubeconfig: null,
      identity: {
        audience: 'plumbline',
        namespace: daemonSet.metadata.namespace,
        serviceAccount: at(agentPod, 'serviceAccountName'),
        daemonSet: daemonSet.metadata.name,
      },
    });
    expect(at(agentPod, 'volumes.0.projected.sources.0.serviceAccountToken.audience')).toBe(identity.audience);
    const files = [dataDir, agents?.certFile ?? '', agents?.keyFile ?? ''];
    expect(files.map((file) => isMounted(file, aggregatorContainer))).toEqual([true, true, true]);
  });

  it('listens on the ports that it and its Services name', () => {
    expect(at(aggregatorContainer, 'ports')).toEqual([
      { name: 'grpc', containerPort: 8443 },
      { name: 'http', containerPort: 8080 },
    ]);
    const ports = chart.manifests.filter(({ kind }) => kind === 'Service').map((service) => at(service, 'spec.ports'));
    const grpc = [{ name: 'grpc', port: 8443, targetPort: 'grpc' }];
    expect(ports).toEqual([grpc, grpc]);
  });

  it('is probed by itself, with commands that it takes', () => {
    const asked = ['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) => {
      const [program, file, ...args] = listAt(aggregatorContainer, `${probe}.exec.command`).map(String);
      expect([program, file]).toEqual(['node', '/app/aggregator.js']);
      return readAggregatorConfig(args, {});
    });
    const http = { host: '127.0.0.1', port: 8080 };
    expect(asked).toEqual([
      { kind: 'probe', what: 'livez', http },
      { kind: 'probe', what: 'livez', http },
      { kind: 'probe', what: 'readyz', http },
    ]);
  });

  it('may see what it judges, who its agents are, and nothing else', () => {
    expect(at(chart.the('ClusterRole'), 'rules')).toEqual([
      { apiGroups: [''], resources: ['services', 'nodes'], verbs: ['list', 'watch'] },
      { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
    ]);
    expect(at(chart.the('Role'), 'rules')).toEqual([
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
    ]);
    const account = {
      kind: 'ServiceAccount',
      name: at(aggregatorPod, 'serviceAccountName'),
      namespace: 'observability',
    };
    for (const [binding, role] of [
      ['ClusterRoleBinding', 'ClusterRole'],
      ['RoleBinding', 'Role'],
    ] as const) {
      const { metadata } = chart.the(role);
      expect(at(chart.the(binding), 'roleRef')).toEqual({
        apiGroup: 'rbac.authorization.k8s.io',
        kind: role,
        name: metadata.name,
      });
      expect(at(chart.the(binding), 'subjects')).toEqual([account]);
    }
  });
});

function argsOf(container: unknown): readonly string[] {
  return listAt(container, 'args').map(String);
}

function isMounted(file: string, container: unknown): boolean {
  const folders = listAt(container, 'volumeMounts').map((mount) => String(at(mount, 'mountPath')));
  return folders.some((folder) => file === folder || file.startsWith(`${folder}/`));
}
