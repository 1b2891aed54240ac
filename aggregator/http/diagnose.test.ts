import { describe, expect, it } from 'vitest';
import { auditRecord } from '../../test/audit-record.ts';
import { httpOptions } from '../../test/http-options.ts';
import type { Diagnosis, DiagnosisQuestion } from '../model/diagnosis.ts';
import { layers } from '../model/finding.ts';
import { buildApp } from './app.ts';

const pass = { verdict: 'pass', sentence: 'It is well.' } as const;

const diagnosis: Diagnosis = {
  from: {
    text: 'pod/shop/web-0',
    kind: 'pod',
    namespace: 'shop',
    name: 'web-0',
    addresses: ['10.244.1.2'],
    node: 'node-a',
  },
  to: {
    text: '192.0.2.7:80',
    kind: 'address',
    namespace: null,
    name: '192.0.2.7',
    addresses: ['192.0.2.7'],
    node: null,
  },
  protocol: 'tcp',
  port: 80,
  verdict: 'broken',
  sentence: 'L2 broke first: node-a has no way to 192.0.2.7: none.',
  firstBroken: { layer: 'L2', step: 1 },
  remediation: [{ command: 'ip route get 192.0.2.7', effect: 'Shows it.' }],
  layers: layers.map((layer) => ({ layer, ...pass })),
  steps: [
    {
      layer: 'L2',
      direction: 'there',
      verdict: 'fail',
      what: 'the way from node-a to 192.0.2.7',
      sentence: 'node-a has no way to 192.0.2.7: none.',
      node: 'node-a',
      evidence: [{ kind: 'fact', name: 'route', value: 'none' }],
      ageSeconds: 4,
      remediation: [],
      finding: { fingerprint: '0123456789abcdef', check: 'peer-route-missing' },
    },
  ],
  hops: [{ direction: 'there', node: 'node-a', link: 'eth0', does: 'no way to 192.0.2.7', rule: null }],
};

/** The answer, and the question that the record was asked. */
async function get(url: string, answer = { ok: true, diagnosis } as ReturnType<typeof asked>) {
  const questions: DiagnosisQuestion[] = [];
  const diagnose = (question: DiagnosisQuestion) => {
    questions.push(question);
    return answer;
  };
  const record = { ...auditRecord(), diagnose };
  const reply = await buildApp(httpOptions({ record })).inject(url);
  return { status: reply.statusCode, body: reply.json(), questions };
}

const asked = (question: DiagnosisQuestion) => auditRecord().diagnose(question);

describe('a diagnosis', () => {
  it('is told whole', async () => {
    const { status, body, questions } = await get(
      '/api/v1/diagnose?from=pod/shop/web-0&to=192.0.2.7&port=80&protocol=udp',
    );
    expect([status, body]).toEqual([200, { apiVersion: 'plumbline.dev/v1', kind: 'Diagnosis', ...diagnosis }]);
    expect(questions).toEqual([{ from: 'pod/shop/web-0', to: '192.0.2.7', port: 80, protocol: 'udp' }]);
  });

  it('takes the port and the protocol of what is asked where none is given', async () => {
    const { questions } = await get('/api/v1/diagnose?from=node/node-a&to=svc/shop/web:http');
    expect(questions).toEqual([{ from: 'node/node-a', to: 'svc/shop/web:http', port: null, protocol: null }]);
  });

  it('of one end only is refused, with what is missing', async () => {
    const { status, body } = await get('/api/v1/diagnose?to=svc/shop/web:http');
    expect([status, body.code, body.parameter]).toEqual([400, 'bad-value', 'from']);
  });

  it('that cannot be asked so is refused with the reason', async () => {
    const { status, body } = await get('/api/v1/diagnose?from=pod/shop/wbe-0&to=1.2.3.4', {
      ok: false,
      parameter: 'from',
      problem: 'The API knows no pod shop/wbe-0. Did you mean web-0?',
    });
    expect([status, body.code, body.parameter, body.detail]).toEqual([
      400,
      'bad-value',
      'from',
      'The API knows no pod shop/wbe-0. Did you mean web-0?',
    ]);
  });

  it('takes no port that is none, and nothing else', async () => {
    const codes = await Promise.all(
      ['port=0', 'port=65536', 'protocol=icmp', 'form=x'].map(async (wrong) => {
        const { status, body, questions } = await get(`/api/v1/diagnose?from=node/a&to=1.2.3.4&${wrong}`);
        return [status, body.code, questions.length];
      }),
    );
    expect(codes).toEqual([
      [400, 'bad-value', 0],
      [400, 'bad-value', 0],
      [400, 'bad-value', 0],
      [400, 'unknown-parameter', 0],
    ]);
  });
});
