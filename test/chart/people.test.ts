/** Who may see what: the roles for people hold every path of the API, each once. */
import { describe, expect, it } from 'vitest';
import { buildApp } from '../../aggregator/http/app.ts';
import { reviewedPath } from '../../aggregator/http/access/reviewed-path.ts';
import { httpOptions } from '../http-options.ts';
import { rightsIn, rightsOfRole } from './api-rights.ts';
import { at, hasKey, listAt, renderedFile } from './rendered-chart.ts';

const chart = renderedFile('default.yaml');
const restricted = renderedFile('restricted.yaml');
const roles = ['viewer', 'snapshot', 'metrics'] as const;

/** `get /plumbline/api/v1/nodes/*` allows `/api/v1/nodes/node-a`, and what is below that: as RBAC reads it. */
function mayGet(role: (typeof roles)[number], path: string): boolean {
  return rightsOfRole(chart.the('ClusterRole', `audit-${role}`)).some((right) => {
    const url = right.replace('get ', '');
    const asked = reviewedPath(path);
    return url.endsWith('*') ? asked.startsWith(url.slice(0, -1)) : asked === url;
  });
}

function subjectsOf(name: string, of = restricted): unknown {
  const found = of.manifests.filter(
    ({ kind, metadata }) => kind.endsWith('Binding') && metadata.name === name && hasKey(metadata, 'name'),
  );
  return found.flatMap((each) => listAt(each, 'subjects'));
}

describe('the roles for people', () => {
  it('open every path of the API that is not open to anybody, each in one role', async () => {
    const { paths } = (await buildApp(httpOptions()).inject('/openapi.json')).json();
    const asked = [...Object.keys(paths), '/openapi.json', '/metrics']
      .filter((path) => !['/livez', '/readyz'].includes(path))
      .map((path) => path.replaceAll(/\{\w+\}/g, 'x'));
    const holders = asked.map((path) => [path, roles.filter((role) => mayGet(role, path))] as const);
    const expected = asked.map((path) => {
      if (path === '/metrics') return [path, ['metrics']];
      return [path, path === '/api/v1/snapshot' ? ['snapshot'] : ['viewer']];
    });
    expect(holders).toEqual(expected);
  });

  it('open no path but those, by `get` alone', async () => {
    const { paths } = (await buildApp(httpOptions()).inject('/openapi.json')).json();
    const there = [...Object.keys(paths), '/openapi.json', '/metrics'].map((path) => path.replace(/\/\{.*$/, '/*'));
    const granted = roles.flatMap((role) => rightsOfRole(chart.the('ClusterRole', `audit-${role}`)));
    expect(granted.filter((right) => !there.some((path) => right === `get ${reviewedPath(path)}`))).toEqual([]);
  });

  it('are given to nobody by default but the account whose tokens the command line takes', () => {
    const viewer = { kind: 'ServiceAccount', name: 'audit-viewer', namespace: 'observability' };
    expect(subjectsOf('audit-viewer', chart)).toEqual([viewer]);
    const bound = chart.manifests.filter(({ kind }) => kind.endsWith('Binding')).map(({ metadata }) => metadata.name);
    expect(bound.filter((name) => /snapshot|metrics|command-line/.test(name))).toEqual([]);
    expect(new Set(rightsIn(chart.manifests, { namespace: 'observability', name: 'audit-viewer' }))).toEqual(
      new Set(rightsOfRole(chart.the('ClusterRole', 'audit-viewer'))),
    );
  });

  it('are given to whom the values name', () => {
    const apiGroup = 'rbac.authorization.k8s.io';
    const onCall = { kind: 'Group', name: 'oncall@example.com', apiGroup };
    expect(['viewer', 'snapshot', 'metrics', 'command-line'].map((role) => subjectsOf(`audit-${role}`))).toEqual([
      [{ kind: 'ServiceAccount', name: 'audit-viewer', namespace: 'observability' }, onCall],
      [{ kind: 'User', name: 'jane:admin', apiGroup }],
      [{ kind: 'ServiceAccount', name: 'prometheus-k8s', namespace: 'monitoring' }],
      [onCall],
    ]);
  });

  it('come with the role `view` of the cluster only where they are told to', () => {
    const label = 'rbac.authorization.k8s.io/aggregate-to-view';
    const labels = [chart, restricted].map((each) => each.the('ClusterRole', 'audit-viewer').metadata.labels[label]);
    expect(labels).toEqual([undefined, 'true']);
    const others = restricted.manifests.filter(({ metadata }) => hasKey(metadata.labels, label));
    expect(others.map(({ metadata }) => metadata.name)).toEqual(['audit-viewer']);
  });

  it('let the command line open its way, and take tokens of the viewer only', () => {
    expect(rightsOfRole(chart.the('Role', 'command-line'))).toEqual([
      'get deployments.apps audit-aggregator in observability',
      'get pods in observability',
      'list pods in observability',
      'get pods/portforward in observability',
      'create pods/portforward in observability',
      'create serviceaccounts/token audit-viewer in observability',
    ]);
    const { metadata, ...account } = chart.the('ServiceAccount', '-viewer');
    expect([metadata.name, at(account, 'automountServiceAccountToken')]).toEqual(['audit-viewer', false]);
  });
});
