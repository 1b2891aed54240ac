import { describe, expect, it } from 'vitest';
import type { GetResult } from '../host.ts';
import { scriptedHost } from '../scripted-host.ts';
import { HealthCheckReader } from './health-check-ports.ts';

const url = (port: number) => `http://127.0.0.1:${port}/`;
const body = (localEndpoints: number) =>
  `{\n\t"service": {\n\t\t"namespace": "edge",\n\t\t"name": "ingress"\n\t},\n\t"localEndpoints": ${localEndpoints},\n\t"serviceProxyHealthy": true\n}`;
const serving: GetResult = { ok: true, status: 200, body: body(1) };

/** A reader over ports that all answer the same, with a clock that is set by hand; `asked` has the ports in order. */
function reader(answer: (port: number) => GetResult) {
  const node = { atMs: 0, asked: [] as number[], atOnce: 0, mostAtOnce: 0 };
  const get = async (asked: string): Promise<GetResult> => {
    const port = Number(new URL(asked).port);
    node.asked.push(port);
    node.atOnce++;
    node.mostAtOnce = Math.max(node.mostAtOnce, node.atOnce);
    await Promise.resolve();
    node.atOnce--;
    return answer(port);
  };
  const host = { ...scriptedHost({}), get };
  return { node, reader: new HealthCheckReader(host, { monotonicMs: () => node.atMs }) };
}

async function answered(result: GetResult) {
  const host = scriptedHost({ answers: { [url(32000)]: result } });
  return new HealthCheckReader(host, { monotonicMs: () => 0 }).read([32000]);
}

describe('an answer', () => {
  it("of kube-proxy's form is told", async () => {
    const told = {
      port: 32000,
      status: 200,
      service: 'edge/ingress',
      localEndpoints: 1,
      proxyHealthy: true,
      problem: null,
    };
    expect(await answered(serving)).toEqual([told]);
  });

  it('of an older kube-proxy does not say whether it is healthy', async () => {
    const old = '{"service":{"namespace":"edge","name":"ingress"},"localEndpoints":0}';
    const told = {
      port: 32000,
      status: 503,
      service: 'edge/ingress',
      localEndpoints: 0,
      proxyHealthy: null,
      problem: null,
    };
    expect(await answered({ ok: true, status: 503, body: old })).toEqual([told]);
  });

  it.each([
    '<html>hello</html>',
    '{"service":"edge/ingress"}',
    '[]',
    '',
    '{"service":{"namespace":"a","name":"b"},"localEndpoints":-1}',
  ])("that is somebody else's is told as such: %s", async (text) => {
    const problem = `GET ${url(32000)}: status 200, and not the answer of kube-proxy`;
    const nothing = { service: null, localEndpoints: null, proxyHealthy: null };
    expect(await answered({ ok: true, status: 200, body: text })).toEqual([
      { port: 32000, status: 200, ...nothing, problem },
    ]);
  });

  it('that does not come is told with its reason', async () => {
    const problem = `GET ${url(32000)}: connection refused`;
    const nothing = { status: null, service: null, localEndpoints: null, proxyHealthy: null };
    expect(await answered({ ok: false, kind: 'refused', message: problem })).toEqual([
      { port: 32000, ...nothing, problem },
    ]);
  });

  it('is none where this host has nobody to ask', async () => {
    expect(await answered({ ok: false, kind: 'absent', message: 'not recorded' })).toEqual([]);
  });
});

describe('ports', () => {
  it('are asked once a minute each; in between the last answer stands', async () => {
    const { node, reader: ports } = reader(() => serving);
    await ports.read([32000, 32001]);
    node.atMs = 59_999;
    expect(await ports.read([32000, 32001])).toHaveLength(2);
    node.atMs = 60_000;
    await ports.read([32000, 32001]);
    expect(node.asked).toEqual([32000, 32001, 32000, 32001]);
  });

  it('are asked four at once, and no more than 50 within a minute, the longest waiting first', async () => {
    const { node, reader: ports } = reader(() => serving);
    const all = Array.from({ length: 120 }, (_, i) => 31_000 + i);
    await ports.read(all);
    await ports.read(all);
    expect([node.asked.length, node.mostAtOnce]).toEqual([50, 4]);
    node.atMs = 60_000;
    expect(await ports.read(all)).toHaveLength(100);
    expect(node.asked.slice(50, 100)).toEqual(all.slice(50, 100));
  });

  it('that are silent do not hold up a reading', async () => {
    const { node, reader: ports } = reader((port) => {
      node.atMs += 2000;
      return { ok: false, kind: 'deadline', message: `GET ${url(port)}: no answer within 2000 ms` };
    });
    await ports.read(Array.from({ length: 40 }, (_, i) => 31_000 + i));
    expect(node.asked).toHaveLength(4);
  });

  it('that no rule names any more are forgotten', async () => {
    const { reader: ports } = reader(() => serving);
    await ports.read([32000]);
    expect(await ports.read([])).toEqual([]);
  });
});
