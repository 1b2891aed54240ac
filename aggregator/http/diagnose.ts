/** /api/v1/diagnose: which layer broke first between two ends. */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import type { Diagnosis, DiagnosisEnd } from '../model/diagnosis.ts';
import { problem, sendProblem } from './errors.ts';
import type { HttpOptions } from './options.ts';
import { diagnosisDocumentSchema } from './schemas/diagnosis.ts';
import { document } from './schemas/list.ts';
import { refusals } from './schemas/problem.ts';

const end = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 600, description }));

const query = Type.Object({
  from: end('Who asks: `pod/NAMESPACE/NAME`, `node/NAME` or an address.'),
  to: end('Who is asked: the same, `svc/NAMESPACE/NAME[:PORT]`, an address with a port, or a DNS name.'),
  port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: 'Where `to` names none.' })),
  protocol: Type.Optional(Type.Enum(['tcp', 'udp', 'sctp'], { description: "The Service's, or tcp, unless given." })),
});

/** The route of diagnoses. */
export const diagnosis: FastifyPluginCallbackTypebox<HttpOptions> = (app, { record }, done) => {
  app.get(
    '/api/v1/diagnose',
    {
      schema: {
        tags: ['diagnose'],
        summary: 'Which layer broke first between two ends: L1 to L5, there and back, with the proof',
        querystring: query,
        response: { 200: diagnosisDocumentSchema, ...refusals },
      },
    },
    ({ query: { from, to, port, protocol } }, reply) => {
      if (from === undefined || to === undefined) {
        const lacking = from === undefined ? 'from' : 'to';
        const detail = `The parameter ${lacking} is missing: give both from and to, such as from=pod/shop/web-0&to=svc/shop/orders:80.`;
        sendProblem(reply, problem('bad-value', detail, { parameter: lacking }));
        return;
      }
      const answer = record.diagnose({ from, to, port: port ?? null, protocol: protocol ?? null });
      if (answer.ok) reply.send(document('Diagnosis', diagnosisJson(answer.diagnosis)));
      else sendProblem(reply, problem('bad-value', answer.problem, { parameter: answer.parameter }));
    },
  );
  done();
};

/** Field by field, so that nothing leaves that no schema names. */
function diagnosisJson(told: Diagnosis) {
  const { protocol, port, verdict, sentence, firstBroken, remediation, layers, steps, hops } = told;
  return {
    from: endJson(told.from),
    to: endJson(told.to),
    ...{ protocol, port, verdict, sentence, firstBroken },
    remediation: [...remediation],
    layers: [...layers],
    steps: steps.map((step) => ({ ...step, evidence: [...step.evidence], remediation: [...step.remediation] })),
    hops: [...hops],
  };
}

function endJson(told: DiagnosisEnd) {
  return { ...told, addresses: [...told.addresses] };
}
