import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { at, hasKey, isWithin, listAt, type Manifest, renderedChart } from './rendered-chart.ts';

const chart = renderedChart();
const daemonSet = chart.the('DaemonSet');
const deployment = chart.the('Deployment');
const agentPod = at(daemonSet, 'spec.template.spec');
const aggregatorPod = at(deployment, 'spec.template.spec');
const agentContainer = at(agentPod, 'containers.0');
const aggregatorContainer = at(aggregatorPod, 'containers.0');

describe('the chart', () => {
  it('makes these objects, each once', () => {
    expect(chart.manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort()).toEqual([
      'ClusterRole observability-audit-aggregator',
      'ClusterRoleBinding observability-audit-aggregator',
      'DaemonSet audit-agent',
      'Deployment audit-aggregator',
      'PersistentVolumeClaim audit-aggregator',
      'Role audit-aggregator',
      'RoleBinding audit-aggregator',
      'Service audit-aggregator',
      'Service audit-aggregator-pods',
      'ServiceAccount audit-agent',
      'ServiceAccount audit-aggregator',
    ]);
    const elsewhere = chart.manifests.filter(({ kind, metadata }) =>
      kind.startsWith('ClusterRole') ? metadata.namespace !== undefined : metadata.namespace !== 'observability',
    );
    expect(elsewhere).toEqual([]);
  });

  it('has the version of the programs', () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
    const read = parse(readFileSync(join(import.meta.dirname, '../../charts/plumbline/Chart.yaml'), 'utf8'));
    expect([read.version, read.appVersion]).toEqual([version, version]);
    expect([at(agentContainer, 'image'), at(aggregatorContainer, 'image')]).toEqual([
      `plumbline-agent:${version}`,
      `plumbline-aggregator:${version}`,
    ]);
  });

  it('selects its own pods: selectors are among the labels, and tell agents from the aggregator', () => {
    const pods = [daemonSet, deployment].map((each) => at(each, 'spec.template.metadata.labels'));
    const selectors = [
      at(daemonSet, 'spec.selector.matchLabels'),
      at(deployment, 'spec.selector.matchLabels'),
      ...chart.manifests.filter(({ kind }) => kind === 'Service').map((service) => at(service, 'spec.selector')),
    ];
    const selected = selectors.map((selector) => pods.map((labels) => isWithin(selector, labels)));
    expect(selected).toEqual([
      [true, false],
      [false, true],
      [false, true],
      [false, true],
    ]);
  });

  it('takes values for what differs between clusters', () => {
    const other = renderedChart({
      'image.tag': '9.9.9',
      'image.pullSecrets': [{ name: 'registry' }],
      'tls.serverName': 'plumbline.example',
      'agent.priorityClassName': 'system-node-critical',
      'aggregator.tolerations': [{ key: 'infra', operator: 'Exists' }],
      'aggregator.storage.className': 'fast',
    });
    const agent = at(other.the('DaemonSet'), 'spec.template.spec');
    const aggregator = at(other.the('Deployment'), 'spec.template.spec');
    expect(at(agent, 'containers.0.image')).toBe('plumbline-agent:9.9.9');
    expect(at(agent, 'priorityClassName')).toBe('system-node-critical');
    expect([at(agent, 'imagePullSecrets'), at(aggregator, 'imagePullSecrets')]).toEqual([
      [{ name: 'registry' }],
      [{ name: 'registry' }],
    ]);
    expect(listAt(agent, 'containers.0.args')).toContain('--server-name=plumbline.example');
    expect(at(aggregator, 'tolerations')).toEqual([{ key: 'infra', operator: 'Exists' }]);
    expect(at(other.the('PersistentVolumeClaim'), 'spec.storageClassName')).toBe('fast');
    expect(other.notes).toContain('    plumbline.example\n');
  });
});

describe('what the pods refer to', () => {
  it('is made by the chart, but for two things that the notes tell to make', () => {
    const made = new Set(chart.manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
    const referred = [daemonSet, deployment].flatMap(referencesOf);
    expect(referred.filter((each) => !made.has(each)).sort()).toEqual([
      'ConfigMap plumbline-ca',
      'Secret plumbline-tls',
    ]);
    for (const line of [
      'Secret plumbline-tls, type kubernetes.io/tls:',
      '    audit-aggregator.observability.svc\n',
      'ConfigMap plumbline-ca, key ca.crt:',
      'kubectl -n observability port-forward deployment/audit-aggregator 8080:8080',
    ]) {
      expect(chart.notes).toContain(line);
    }
  });

  it('is mounted under the names that volumes have, and every volume is mounted', () => {
    for (const pod of [agentPod, aggregatorPod]) {
      const volumes = listAt(pod, 'volumes').map((volume) => at(volume, 'name'));
      const mounts = listAt(pod, 'containers.0.volumeMounts').map((mount) => at(mount, 'name'));
      expect(mounts.toSorted()).toEqual(volumes.toSorted());
    }
  });
});

/** `Secret plumbline-tls` and the like, of a workload's pods. */
function referencesOf(workload: Manifest): readonly string[] {
  const pod = at(workload, 'spec.template.spec');
  const volumes = listAt(pod, 'volumes').flatMap((volume) => {
    if (hasKey(volume, 'secret')) return [`Secret ${at(volume, 'secret.secretName')}`];
    if (hasKey(volume, 'configMap')) return [`ConfigMap ${at(volume, 'configMap.name')}`];
    if (!hasKey(volume, 'persistentVolumeClaim')) return [];
    return [`PersistentVolumeClaim ${at(volume, 'persistentVolumeClaim.claimName')}`];
  });
  return [`ServiceAccount ${at(pod, 'serviceAccountName')}`, ...volumes];
}
