/** What the chart makes, with each of the values in test/chart/values. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { at, hasKey, isWithin, listAt, type Manifest, renderedChart, renderedFile } from './rendered-chart.ts';
import { problemsOf } from './strict-object.ts';

const charts = {
  default: renderedFile('default.yaml'),
  minimal: renderedFile('minimal.yaml'),
  restricted: renderedFile('restricted.yaml'),
};
const named = Object.entries(charts);
const { daemonSet, deployment } = workloads('default');

function workloads(name: keyof typeof charts) {
  return { daemonSet: charts[name].the('DaemonSet'), deployment: charts[name].the('Deployment') };
}

function titles(manifests: readonly Manifest[]): readonly string[] {
  return manifests.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? '-'}/${metadata.name}`).sort();
}

describe.each(named)('with the %s values, the chart', (_, chart) => {
  it('makes objects that an API server takes as they stand', () => {
    const problems = chart.manifests.flatMap((each) =>
      problemsOf(each).map((problem) => `${each.kind} ${each.metadata.name}: ${problem}`),
    );
    expect(problems).toEqual([]);
  });

  it('makes each object once, and each with the labels of its release', () => {
    expect(new Set(titles(chart.manifests)).size).toBe(chart.manifests.length);
    const unlabelled = chart.manifests.filter(
      ({ metadata: { labels } }) =>
        labels['app.kubernetes.io/instance'] !== 'audit' || labels['app.kubernetes.io/managed-by'] !== 'Helm',
    );
    expect(titles(unlabelled)).toEqual([]);
  });

  it('selects its own pods: selectors are among the labels, and tell agents from the aggregator', () => {
    const ofKind = (kind: string) => chart.manifests.filter((each) => each.kind === kind);
    const pods = [chart.the('DaemonSet'), chart.the('Deployment')].map((each) =>
      at(each, 'spec.template.metadata.labels'),
    );
    const matched = (selector: unknown) => pods.map((labels) => isWithin(selector, labels));
    expect(matched(at(chart.the('DaemonSet'), 'spec.selector.matchLabels'))).toEqual([true, false]);
    const ofAggregator = [
      ...ofKind('Deployment').map((each) => at(each, 'spec.selector.matchLabels')),
      ...ofKind('Service').map((each) => at(each, 'spec.selector')),
      ...ofKind('PodDisruptionBudget').map((each) => at(each, 'spec.selector.matchLabels')),
      ...ofKind('NetworkPolicy').map((each) => at(each, 'spec.podSelector.matchLabels')),
    ];
    expect(ofAggregator.map(matched)).toEqual(ofAggregator.map(() => [false, true]));
  });

  it('refers to nothing that it does not make, but what the values name', () => {
    const made = new Set(titles(chart.manifests));
    const missing = [chart.the('DaemonSet'), chart.the('Deployment')].flatMap(referencesOf);
    const given = ['ConfigMap node-audit/company-ca', 'Secret observability/plumbline-certificate'];
    expect(missing.filter((each) => !made.has(each)).sort()).toEqual(chart === charts.restricted ? given : []);
  });

  it('mounts every volume, by the name that it has', () => {
    for (const workload of [chart.the('DaemonSet'), chart.the('Deployment')]) {
      const pod = at(workload, 'spec.template.spec');
      const volumes = listAt(pod, 'volumes').map((volume) => at(volume, 'name'));
      const mounts = listAt(pod, 'containers.0.volumeMounts').map((mount) => at(mount, 'name'));
      expect(mounts.toSorted()).toEqual(volumes.toSorted());
    }
  });

  it('has notes that name only what it makes', () => {
    const named = [...chart.notes.matchAll(/(?:deployment\/|create token )(?<name>\S+)/g)].map(
      ({ groups }) => groups?.name,
    );
    expect(named).toEqual([
      chart.the('Deployment').metadata.name,
      chart.the('ServiceAccount', '-viewer').metadata.name,
    ]);
  });
});

describe('the chart', () => {
  it('makes these objects by default', () => {
    expect(titles(charts.default.manifests).filter((title) => !/Monitor|Rule|dashboard/i.test(title))).toEqual([
      'ClusterRole -/audit-metrics',
      'ClusterRole -/audit-snapshot',
      'ClusterRole -/audit-viewer',
      'ClusterRole -/observability-audit-aggregator',
      'ClusterRoleBinding -/audit-viewer',
      'ClusterRoleBinding -/observability-audit-aggregator',
      'ConfigMap observability/audit-ca',
      'DaemonSet observability/audit-agent',
      'Deployment observability/audit-aggregator',
      'NetworkPolicy observability/audit-aggregator',
      'PersistentVolumeClaim observability/audit-aggregator',
      'PodDisruptionBudget observability/audit-aggregator',
      'Role kube-system/observability-audit-aggregator-coredns',
      'Role observability/audit-aggregator',
      'Role observability/audit-ca',
      'Role observability/audit-command-line',
      'Role observability/audit-tls',
      'RoleBinding kube-system/observability-audit-aggregator-coredns',
      'RoleBinding observability/audit-aggregator',
      'RoleBinding observability/audit-ca',
      'RoleBinding observability/audit-tls',
      'Secret observability/audit-tls',
      'Service observability/audit-aggregator',
      'Service observability/audit-aggregator-headless',
      'ServiceAccount observability/audit-agent',
      'ServiceAccount observability/audit-aggregator',
      'ServiceAccount observability/audit-viewer',
    ]);
  });

  it('makes Secret and ConfigMap without a word in them: an upgrade takes nothing away that was written there', () => {
    for (const [kind, name] of [
      ['Secret', '-tls'],
      ['ConfigMap', '-ca'],
    ] as const) {
      const object = charts.default.the(kind, name);
      expect(['data', 'stringData', 'binaryData', 'immutable'].filter((key) => hasKey(object, key))).toEqual([]);
    }
  });

  it('puts agents and what is theirs into a namespace of their own, which allows them', () => {
    const theirs = charts.restricted.manifests.filter(({ metadata }) => metadata.namespace === 'node-audit');
    expect(titles(theirs)).toEqual([
      'DaemonSet node-audit/audit-agent',
      'ResourceQuota node-audit/audit-agent',
      'Role node-audit/audit-aggregator',
      'RoleBinding node-audit/audit-aggregator',
      'ServiceAccount node-audit/audit-agent',
      // Beside the authority's certificate, by which Prometheus knows the aggregator.
      'ServiceMonitor node-audit/audit-aggregator',
    ]);
    expect(charts.restricted.the('Namespace').metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'privileged',
    });
  });

  it('needs a quota for the priority class only where it is told so, and names that class', () => {
    expect(at(charts.restricted.the('ResourceQuota'), 'spec.scopeSelector.matchExpressions')).toEqual([
      { scopeName: 'PriorityClass', operator: 'In', values: ['system-node-critical'] },
    ]);
  });

  it('lets a drain take the aggregator, and asks older servers for no field that they do not know', () => {
    const spec = (kubeVersion: string) => at(renderedChart({}, { kubeVersion }).the('PodDisruptionBudget'), 'spec');
    expect(spec('v1.34.1')).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' });
    expect(spec('v1.26.9')).toEqual({ maxUnavailable: 1, selector: at(deployment, 'spec.selector') });
    expect(hasKey(spec('v1.27.3-gke.100'), 'unhealthyPodEvictionPolicy')).toBe(true);
  });

  it('has the version of the programs', () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
    const read = parse(readFileSync(join(import.meta.dirname, '../../charts/plumbline/Chart.yaml'), 'utf8'));
    expect([read.version, read.appVersion]).toEqual([version, version]);
    const image = 'spec.template.spec.containers.0.image';
    expect([at(daemonSet, image), at(deployment, image)]).toEqual([
      `plumbline-agent:${version}`,
      `plumbline-aggregator:${version}`,
    ]);
    const { daemonSet: pinned } = workloads('restricted');
    expect(at(pinned, image)).toBe(
      `registry.example/plumbline-agent:${version}@sha256:${'0123456789abcdef'.repeat(4)}`,
    );
    expect(at(workloads('minimal').deployment, image)).toBe('registry.example:5000/team/plumbline-aggregator:9.9.9');
  });

  it('takes values for what differs between clusters', () => {
    const { daemonSet: agents, deployment: aggregator } = workloads('restricted');
    const pods = [agents, aggregator].map((each) => at(each, 'spec.template.spec'));
    expect(pods.map((pod) => at(pod, 'imagePullSecrets'))).toEqual([[{ name: 'registry' }], [{ name: 'registry' }]]);
    expect(pods.map((pod) => at(pod, 'priorityClassName'))).toEqual(['system-node-critical', 'platform']);
    expect(at(agents, 'spec.updateStrategy.rollingUpdate')).toEqual({ maxUnavailable: 1 });
    expect(at(daemonSet, 'spec.updateStrategy.rollingUpdate')).toEqual({ maxUnavailable: '10%' });
    expect(at(charts.restricted.the('PersistentVolumeClaim'), 'spec')).toEqual({
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'encrypted',
      resources: { requests: { storage: '10Gi' } },
    });
    expect(charts.restricted.notes).toContain('The certificate must be for plumbline.example.');
    const minimal = workloads('minimal');
    expect(at(minimal.deployment, 'spec.template.spec.volumes.0')).toEqual({
      name: 'journal',
      emptyDir: { sizeLimit: '5Gi' },
    });
    expect(hasKey(at(minimal.daemonSet, 'spec.template.spec'), 'priorityClassName')).toBe(false);
  });
});

/** `Secret observability/plumbline-tls` and the like, of a workload's pods. */
function referencesOf(workload: Manifest): readonly string[] {
  const pod = at(workload, 'spec.template.spec');
  const volumes = listAt(pod, 'volumes').flatMap((volume) => {
    if (hasKey(volume, 'secret')) return [`Secret ${at(volume, 'secret.secretName')}`];
    if (hasKey(volume, 'configMap')) return [`ConfigMap ${at(volume, 'configMap.name')}`];
    if (!hasKey(volume, 'persistentVolumeClaim')) return [];
    return [`PersistentVolumeClaim ${at(volume, 'persistentVolumeClaim.claimName')}`];
  });
  return [`ServiceAccount ${at(pod, 'serviceAccountName')}`, ...volumes].map((each) =>
    each.replace(' ', ` ${workload.metadata.namespace}/`),
  );
}
