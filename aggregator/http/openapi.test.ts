import { describe, expect, it } from 'vitest';
import { httpOptions } from '../../test/http-options.ts';
import { buildApp } from './app.ts';

async function document() {
  const answer = await buildApp(httpOptions()).inject('/openapi.json');
  expect(answer.statusCode).toBe(200);
  return answer.json();
}

/** Every `$ref` in a document. */
function references(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '$ref' && typeof inner === 'string' ? [inner] : references(inner),
  );
}

describe('the OpenAPI document', () => {
  it('has every path', async () => {
    expect(Object.keys((await document()).paths).sort()).toEqual([
      '/api/v1/checks',
      '/api/v1/checks/{id}',
      '/api/v1/diagnose',
      '/api/v1/events',
      '/api/v1/findings',
      '/api/v1/findings/{fingerprint}',
      '/api/v1/findings/{fingerprint}/history',
      '/api/v1/heatmap',
      '/api/v1/matrix',
      '/api/v1/matrix/grid',
      '/api/v1/nodes',
      '/api/v1/nodes/{name}',
      '/api/v1/overview',
      '/api/v1/policy',
      '/api/v1/services',
      '/api/v1/services/{namespace}/{name}',
      '/api/v1/snapshot',
      '/api/v1/whoami',
      '/livez',
      '/readyz',
    ]);
  });

  it('names things, and every name in it leads to one', async () => {
    const { components, openapi, info, paths } = await document();
    expect([openapi, info.version, Object.keys(components.schemas).sort()]).toEqual([
      '3.1.0',
      '0.2.0',
      [
        'AgentMetrics',
        'AgentWay',
        'Check',
        'DiagnosisEnd',
        'DiagnosisHop',
        'DiagnosisStep',
        'Evidence',
        'Finding',
        'FindingCounts',
        'LayerStatus',
        'MatrixObservation',
        'MatrixPair',
        'Node',
        'PolicyFlow',
        'PolicyRule',
        'PolicySide',
        'Problem',
        'Service',
        'ServiceVersion',
        'Subject',
        'Transition',
        'Whoami',
      ],
    ]);
    const leadNowhere = references({ paths, components }).filter(
      (reference) => components.schemas[reference.replace('#/components/schemas/', '')] === undefined,
    );
    expect(leadNowhere).toEqual([]);
  });

  it('tells what parameters take', async () => {
    const { parameters, responses } = (await document()).paths['/api/v1/findings'].get;
    const severity = parameters.find(({ name }: { readonly name: string }) => name === 'severity');
    expect([severity.required, severity.schema.items.enum]).toEqual([false, ['critical', 'high', 'medium', 'low']]);
    expect(Object.keys(responses).sort()).toEqual(['200', '4XX']);
    expect(Object.keys(responses['4XX'].content)).toEqual(['application/problem+json']);
  });
});
