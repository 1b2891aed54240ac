import { describe, expect, it } from 'vitest';
import type { GetResult } from '../host.ts';
import { scriptedHost } from '../scripted-host.ts';
import { CiliumReader } from './cilium.ts';

const collectedAt = '2026-11-22T08:00:00.000Z';
const statusUrl = 'http://cilium.sock/v1/healthz';
const servicesUrl = 'http://cilium.sock/v1/service';

function answer(body: unknown, status = 200): GetResult {
  return { ok: true, status, body: JSON.stringify(body) };
}

function service(ip: string, type = 'ClusterIP'): object {
  return {
    spec: {
      'frontend-address': { ip, port: 80, protocol: 'TCP' },
      'backend-addresses': [{ ip: '10.0.0.2', port: 8080 }],
      flags: { type },
    },
  };
}

/** A reader whose clock is moved by hand, and what it asked for. */
function reading(answers: Record<string, GetResult>, keepsTable = true) {
  const asked: string[] = [];
  let seconds = 0;
  const host = {
    ...scriptedHost({}),
    get: async (url: string): Promise<GetResult> => {
      asked.push(url);
      return answers[url] ?? { ok: false, kind: 'absent', message: `GET ${url}: /run/cilium.sock is not there` };
    },
  };
  const clock = { now: () => new Date(collectedAt), monotonicMs: () => seconds * 1000 };
  const reader = new CiliumReader(host, clock, keepsTable);
  return { reader, asked, later: (more: number) => (seconds += more) };
}

describe("Cilium's answers", () => {
  it('are its word that it replaces kube-proxy, and its services', async () => {
    const { reader } = reading({
      [statusUrl]: answer({ 'kube-proxy-replacement': { mode: 'True' } }),
      [servicesUrl]: answer([service('10.96.0.1')]),
    });
    const { forwarding, replacesKubeProxy, unreadBecause } = await reader.read();
    expect([replacesKubeProxy, unreadBecause]).toEqual([true, null]);
    expect(forwarding).toMatchObject({ state: 'ok', value: { mode: 'cilium', unlisted: 'cilium' }, collectedAt });
    expect(forwarding.state === 'ok' ? [...forwarding.value.table.keys()] : []).toEqual(['tcp 10.96.0.1:80']);
  });

  it('without its status show by node ports that it replaces kube-proxy, and by cluster IPs alone nothing', async () => {
    const withNodePort = reading({ [servicesUrl]: answer([service('10.96.0.1'), service('0.0.0.0', 'NodePort')]) });
    const withCluster = reading({ [servicesUrl]: answer([service('10.96.0.1')]) });
    const words = [await withNodePort.reader.read(), await withCluster.reader.read()];
    expect(words.map(({ replacesKubeProxy }) => replacesKubeProxy)).toEqual([true, null]);
  });

  it.each([
    ['there is no socket', {}, `GET ${servicesUrl}: /run/cilium.sock is not there`],
    ['it refuses', { [servicesUrl]: answer({}, 503) }, `GET ${servicesUrl}: status 503`],
    ['it answers something else', { [servicesUrl]: answer({}) }, `GET ${servicesUrl}: it is no JSON list of services`],
  ])('are lacking where %s, and say so', async (_, answers, unreadBecause) => {
    const { reader } = reading(answers);
    expect(await reader.read()).toMatchObject({
      forwarding: { state: 'absent' },
      replacesKubeProxy: null,
      unreadBecause,
    });
  });

  it('are asked for once a minute', async () => {
    const { reader, asked, later } = reading({ [servicesUrl]: answer([]) });
    await reader.read();
    later(59);
    await reader.read();
    expect(asked).toEqual([statusUrl, servicesUrl]);
    later(1);
    await reader.read();
    expect(asked).toHaveLength(4);
  });

  it.each([true, false])('that are the same are the very same report (keeps its table: %s)', async (keepsTable) => {
    const answers = { [servicesUrl]: answer([service('10.96.0.1')]) };
    const { reader, later } = reading(answers, keepsTable);
    const first = await reader.read();
    later(60);
    const second = await reader.read();
    answers[servicesUrl] = answer([service('10.96.0.2')]);
    later(60);
    const third = await reader.read();
    const reports = [first, second, third].map(({ forwarding }) =>
      forwarding.state === 'ok' ? forwarding.value : null,
    );
    expect(reports[1]).toBe(reports[0]);
    expect([...(reports[2]?.table.keys() ?? [])]).toEqual(['tcp 10.96.0.2:80']);
  });
});
