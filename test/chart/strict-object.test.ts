import { describe, expect, it } from 'vitest';
import { problemsOf } from './strict-object.ts';

function service(spec: Readonly<Record<string, unknown>>, metadata: Readonly<Record<string, unknown>> = {}): unknown {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', ...metadata }, spec };
}

describe('an object', () => {
  it('that the server would take has no problem', () => {
    const labels = { 'app.kubernetes.io/name': 'web' };
    expect(problemsOf(service({ ports: [{ port: 80, targetPort: 'http' }], selector: labels }, { labels }))).toEqual(
      [],
    );
  });

  it.each([
    ['an unknown field', service({ ports: [{ port: 80, targetport: 8080 }] }), ['spec.ports.0.targetport is no field']],
    ['an unknown field at its top', { ...Object(service({})), sepc: {} }, ['sepc is no field']],
    ['text for a number', service({ ports: [{ port: '80' }] }), ['data/spec/ports/0/port must be integer']],
    ['a word that is none', service({ type: 'Any' }), ['data/spec/type must be equal to one of the allowed values']],
    ['nothing as a value', service({ selector: null }), ['spec.selector is null']],
    ['a name that is none', service({}, { name: 'Web' }), ['metadata.name Web is no name of a Service']],
    ['too long a label', service({}, { labels: { a: 'x'.repeat(64) } }), [`metadata.labels a: ${'x'.repeat(64)}`]],
    ['an unknown kind', { apiVersion: 'v1', kind: 'Servce' }, ['there is no Servce of v1']],
    [
      'an old version',
      { apiVersion: 'policy/v1beta1', kind: 'PodDisruptionBudget' },
      ['there is no PodDisruptionBudget of policy/v1beta1'],
    ],
    [
      'a field that it lacks',
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: { name: 'a' } },
      ['data must have required property roleRef'],
    ],
    [
      'an unknown field of the operator',
      {
        apiVersion: 'monitoring.coreos.com/v1',
        kind: 'ServiceMonitor',
        metadata: { name: 'a' },
        spec: { selector: {}, endpoints: [{ port: 'https', schema: 'https' }] },
      },
      ['spec.endpoints.0.schema is no field'],
    ],
  ])('with %s has that one', (_, object, problems) => expect(problemsOf(object)).toEqual(problems));
});
