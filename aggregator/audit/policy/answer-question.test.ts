import { describe, expect, it } from 'vitest';
import { pod, service, slice } from '../../../test/builders.ts';
import { pods as plainPods, policy, world } from '../../../test/policy-world.ts';
import type { PolicyQuestion, PolicyReport } from '../../model/policy.ts';
import { answerQuestion } from './answer-question.ts';

const pods = plainPods.map((pod) =>
  pod.namespace === 'shop' && pod.labels['app'] === 'web'
    ? { ...pod, owner: { kind: 'Deployment', name: 'web' } }
    : pod,
);
const policies = [
  policy('shop/deny', { podSelector: {} }),
  policy('shop/web', { podSelector: { matchLabels: { app: 'web' } }, ingress: [{ ports: [{ port: 8080 }] }] }),
];
const objects = world(policies, {
  pods,
  foreignPolicies: [
    { kind: 'CiliumNetworkPolicy', namespace: 'test', name: 'other' },
    { kind: 'CiliumNetworkPolicy', namespace: 'shop', name: 'l7' },
    { kind: 'AdminNetworkPolicy', namespace: null, name: 'all' },
  ],
});

function ask(from: string, to: string, more: Partial<PolicyQuestion> = {}, asked = objects) {
  return answerQuestion(asked, { from, to, port: null, protocol: null, ...more });
}

function report(from: string, to: string, more: Partial<PolicyQuestion> = {}): PolicyReport {
  const answer = ask(from, to, more);
  if (!answer.ok) throw new Error(answer.problem);
  return answer.report;
}

function inShort({ flows }: PolicyReport): readonly string[] {
  return flows.map(({ from, to, port, pairs, allowed }) => `${from} ${to} ${port} x${pairs} ${allowed}`);
}

function problem(from: string, to: string, more: Partial<PolicyQuestion> = {}) {
  const answer = ask(from, to, more);
  return answer.ok ? null : [answer.parameter, answer.problem];
}

describe('a question about policies', () => {
  it('is answered for a pair of pods, with both sides and what would allow it', () => {
    const { flows, ...rest } = report('pod/test/cron', 'pod/shop/db', { port: 5432 });
    expect(rest).toEqual({
      from: 'pod/test/cron',
      to: 'pod/shop/db',
      protocol: 'tcp',
      port: 5432,
      allowed: false,
      sentence: 'NetworkPolicies keep pod/test/cron from pod/shop/db, port 5432/TCP.',
      total: 1,
      notes: [],
      notJudged: ['AdminNetworkPolicy all', 'CiliumNetworkPolicy shop/l7', 'CiliumNetworkPolicy test/other'],
    });
    expect(flows.map(({ egress, ingress, families }) => [egress.state, ingress.state, families])).toEqual([
      ['not-isolated', 'denied', ['ipv4']],
    ]);
    expect(flows[0]?.allowing).toContain('name: "allow-5432-tcp-from-test-');
  });

  it('names families once where they say the same', () => {
    expect(report('pod/test/web', 'pod/shop/web', { port: 8080 }).flows.map(({ families }) => families)).toEqual([
      ['ipv4', 'ipv6'],
    ]);
  });

  it('goes to the endpoints of a Service, with their ports', () => {
    const told = report('pod/test/web', 'svc/shop/web:http');
    expect([told.port, told.sentence, told.notes, inShort(told)]).toEqual([
      80,
      'NetworkPolicies do not say the same of all pairs of pod/test/web and svc/shop/web:http, port 80/TCP: 1 of 2 pairs are denied.',
      ["Policies see the port of the endpoint, 8080 or 8081, and not the Service's port 80."],
      ['pod/test/web pod/shop/web-2 8081 x1 false', 'pod/test/web pod/shop/web 8080 x1 true'],
    ]);
  });

  it("takes the protocol of the Service's port", () => {
    const { protocol, port, flows } = report('pod/test/web', 'svc/kube-system/kube-dns:dns');
    expect([protocol, port, flows[0]?.port]).toEqual(['udp', 53, 5353]);
    expect(report('pod/test/web', 'svc/kube-system/kube-dns', { protocol: 'tcp' }).protocol).toBe('tcp');
  });

  it("takes a Service's address for the Service", () => {
    expect(inShort(report('pod/test/web', '10.96.0.5:5432'))).toEqual(['pod/test/web pod/shop/db 5432 x1 false']);
  });

  it('takes all pods of a workload together, and those of one verdict once', () => {
    expect(inShort(report('deployment/shop/web', 'svc/shop/db'))).toEqual(['pod/shop/web pod/shop/db 5432 x3 false']);
  });

  it('knows whose an address is', () => {
    expect(inShort(report('192.168.100.11', '10.244.2.3', { port: 5432 }))).toEqual([
      'node/node-a pod/shop/db 5432 x1 false',
    ]);
    expect(inShort(report('pod/shop/web', '203.0.113.9:443'))).toEqual(['pod/shop/web 203.0.113.9 443 x1 true']);
  });

  it('of a pod with itself is always a yes', () => {
    expect(inShort(report('pod/shop/db', 'pod/shop/db', { port: 1 }))).toEqual(['pod/shop/db pod/shop/db 1 x1 true']);
  });

  it('of a Service without endpoints has nobody to speak of', () => {
    const { allowed, sentence, flows, notes } = report('pod/shop/web', 'svc/shop/empty');
    expect([allowed, sentence, flows, notes]).toEqual([
      null,
      'There is nobody at svc/shop/empty, port 80/TCP, whom pod/shop/web could reach.',
      [],
      ['Service shop/empty has no ready endpoint for port 80.'],
    ]);
  });

  it('over many pods is asked of some of each class, and says so', () => {
    const many = pods
      .filter(({ name }) => name === 'bare')
      .flatMap((bare) =>
        Array.from({ length: 400 }, (_, index) => ({
          ...{ ...bare, name: `many-${index}`, uid: `many-${index}` },
          owner: { kind: 'Job', name: 'many' },
        })),
      );
    const asked = world(policies, { pods: [...pods, ...many] });
    const answer = ask('job/shop/many', 'pod/shop/db', { port: 5432 }, asked);
    expect(answer.ok && [answer.report.notes, inShort(answer.report)]).toEqual([
      ['40 of the 400 pods of FROM were asked about, of each class at least one.'],
      ['pod/shop/many-0 pod/shop/db 5432 x40 false'],
    ]);
  });

  it.each([
    ['shop/web', 'pod/shop/db', {}, 'from', /"shop\/web" is not of the form shop\/NAMESPACE\/NAME/],
    ['pod/shop/web', 'db', { port: 1 }, 'to', /Policies know no DNS names such as db/],
    ['pod/shop/web', 'pod/shop/db', {}, 'port', /Say which port of pod\/shop\/db is asked about/],
    ['pod/shop/web', '10.244.2.3:80', { port: 81 }, 'port', /given twice, as 80 and as 81/],
    ['pod/shop/nope', 'pod/shop/db', { port: 1 }, 'from', /knows no Pod shop\/nope/],
    ['pod/shop/done', 'pod/shop/db', { port: 1 }, 'from', /pod\/shop\/done has ended \(Succeeded\)/],
    ['deployment/shop/nope', 'pod/shop/db', { port: 1 }, 'from', /No live pod belongs to deployment\/shop\/nope/],
    ['node/nope', 'pod/shop/db', { port: 1 }, 'from', /knows no Node nope/],
    ['pod/shop/web', 'svc/shop/nope', {}, 'to', /knows no Service shop\/nope/],
    ['pod/shop/web', 'svc/shop/web', {}, 'port', /Say which port .* It has http 80\/TCP, metrics 9090\/TCP\./],
    ['pod/shop/web', 'svc/shop/db', { protocol: 'udp' }, 'port', /has no port UDP\. It has pg 5432\/TCP\./],
    ['pod/shop/web', 'svc/shop/db:81', {}, 'port', /has no port 81\. It has pg 5432\/TCP\./],
  ] as const)('%s to %s %j: what is wrong with %s', (from, to, more, parameter, said) => {
    expect(problem(from, to, more)).toEqual([parameter, expect.stringMatching(said)]);
  });

  it('is not answered where policies or pods are not known', () => {
    const unknown = [{ networkPolicies: null }, { pods: null, namespaces: null }].map((lacking) =>
      ask('pod/shop/web', 'pod/shop/db', { port: 1 }, world([], lacking)),
    );
    expect(unknown).toEqual([
      {
        ok: false,
        parameter: null,
        problem: "Nothing can be said of policies: the API's NetworkPolicies are not known.",
      },
      {
        ok: false,
        parameter: null,
        problem: "Nothing can be said of policies: the API's pods, namespaces are not known.",
      },
    ]);
  });

  describe('about what is no end of packets itself', () => {
    const hosting = {
      ...pod('shop/hosting', 'node-a', '10.244.1.40'),
      labels: { app: 'web' },
      ports: [{ name: 'http', protocol: 'tcp', port: 8080, hostPort: 8088, hostAddress: null }] as const,
    };
    const service80 = service('shop/front').clusterIP('10.96.0.30').port(80, 'http').nodePort(30_080);
    const balanced = service80.loadBalancerIP('203.0.113.10').having({ selector: { app: 'web' } }).built;
    const headless = service('shop/headless')
      .port(80, 'http')
      .having({ clusterIPs: {}, selector: { app: 'web' } });
    const asked = world(policies, {
      pods: [...pods, hosting],
      services: [balanced, headless.built],
      endpointSlices: [slice('shop/front').port(8080, 'http').ready('10.244.1.40', { node: 'node-a' }).built],
    });
    const [nodeA] = [...asked.nodes()];
    const at = nodeA?.addresses[0] ?? '';

    it.each([
      ['203.0.113.10:80', "203.0.113.10 is Service shop/front's."],
      [`${at}:30080`, "Node port 30080 of node-a is Service shop/front's."],
      ['node/node-a', "Node port 30080 of node-a is Service shop/front's."],
      [`${at}:8088`, "Host port 8088 of node-a is pod/shop/hosting's, at its port 8080, which policies see."],
    ])('as %s, it is answered for the pod behind it', (to, note) => {
      const port = to.startsWith('node/') ? 30_080 : null;
      const answer = ask('pod/test/cron', to, { port }, asked);
      if (!answer.ok) throw new Error(answer.problem);
      expect([inShort(answer.report), answer.report.notes[0]]).toEqual([
        ['pod/test/cron pod/shop/hosting 8080 x1 true'],
        note,
      ]);
    });

    it('does not know where a node may have written its address over the source', () => {
      const named = policy('shop/web', {
        podSelector: { matchLabels: { app: 'web' } },
        ingress: [{ from: [{ namespaceSelector: {} }] }],
      });
      const strict = world([named], {
        pods: [...pods, hosting],
        services: [balanced],
        endpointSlices: [slice('shop/front').port(8080, 'http').ready('10.244.1.40', { node: 'node-a' }).built],
      });
      const allowed = (to: string) => {
        const answer = ask('pod/test/cron', to, {}, strict);
        return answer.ok ? answer.report.allowed : answer.problem;
      };
      expect([allowed('svc/shop/front'), allowed('203.0.113.10:80'), allowed(`${at}:30080`)]).toEqual([
        ...[true, null, null],
      ]);
    });

    it('as a headless Service, it is answered for the pods that it selects', () => {
      const named = ask('pod/test/cron', 'svc/shop/headless', {}, asked);
      if (!named.ok) throw new Error(named.problem);
      expect(named.report.flows.reduce((sum, { pairs }) => sum + pairs, 0)).toBeGreaterThan(1);
    });
  });
});
