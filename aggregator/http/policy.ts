/** /api/v1/policy: whether NetworkPolicies let one end reach another. */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import type { PolicyFlow, PolicyReport, SideVerdict } from '../model/policy.ts';
import { problem, sendProblem } from './errors.ts';
import type { HttpOptions } from './options.ts';
import { document } from './schemas/list.ts';
import { policyDocumentSchema } from './schemas/policy.ts';
import { refusals } from './schemas/problem.ts';

const end = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 600, description }));

const querystring = Type.Object({
  from: end(
    'Who begins: `pod/NAMESPACE/NAME`, `deployment/NAMESPACE/NAME` or another workload, `node/NAME`, an address.',
  ),
  to: end('Who is reached: the same, `svc/NAMESPACE/NAME[:PORT]`, an address with a port.'),
  port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: 'Where `to` names none.' })),
  protocol: Type.Optional(Type.Enum(['tcp', 'udp', 'sctp'], { description: "The Service's, or tcp, unless given." })),
});

/** The route of questions about policies. */
export const policy: FastifyPluginCallbackTypebox<HttpOptions> = (app, { record }, done) => {
  app.get(
    '/api/v1/policy',
    {
      schema: {
        tags: ['policy'],
        summary: 'Whether NetworkPolicies let one end reach another: which rule decides, and what would allow it',
        querystring,
        response: { 200: policyDocumentSchema, ...refusals },
      },
    },
    ({ query: { from, to, port, protocol } }, reply) => {
      if (from === undefined || to === undefined) {
        const lacking = from === undefined ? 'from' : 'to';
        const detail = `The parameter ${lacking} is missing: give both from and to, such as from=deployment/shop/web&to=svc/shop/orders:80.`;
        sendProblem(reply, problem('bad-value', detail, { parameter: lacking }));
        return;
      }
      const answer = record.policy({ from, to, port: port ?? null, protocol: protocol ?? null });
      if (answer.ok) reply.send(document('PolicyReport', reportJson(answer.report)));
      else if (answer.parameter === null) sendProblem(reply, problem('not-ready', answer.problem));
      else sendProblem(reply, problem('bad-value', answer.problem, { parameter: answer.parameter }));
    },
  );
  done();
};

function reportJson(report: PolicyReport) {
  const { flows, notes, notJudged } = report;
  return { ...report, flows: flows.map(flowJson), notes: [...notes], notJudged: [...notJudged] };
}

function flowJson(flow: PolicyFlow) {
  return { ...flow, families: [...flow.families], egress: sideJson(flow.egress), ingress: sideJson(flow.ingress) };
}

function sideJson(side: SideVerdict) {
  return { ...side, isolating: [...side.isolating], nearly: [...side.nearly] };
}
