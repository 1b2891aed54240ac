import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { apiSandboxEvent } from '../../test/api-objects.ts';
import { kubeconfigFile, listeningApi } from '../../test/listening-api.ts';
import { recordingFolder } from '../../test/recordings.ts';
import { loadRecordedLists } from '../demo/api-server/recorded-objects.ts';
import { readApiFolder } from './api-folder.ts';
import { readLiveApi } from './live-api.ts';

const recording = join(recordingFolder('s1-healthy'), 'api');
const attempted = 'audit this machine';

async function read(server: string) {
  return readLiveApi({ kubeconfig: kubeconfigFile({ server }), context: null, environment: {} }, attempted);
}

describe('the objects of a live API server', () => {
  it('are those that its recorded lists hold', async () => {
    const { api, url } = await listeningApi({ mostPerPage: 7 });
    loadRecordedLists(api, recording);
    api.apply('events', apiSandboxEvent('shop/web-0', 'node-a', '2026-11-22T12:00:00Z'));
    const Corefile = '. {\n}\n';
    api.apply('configmaps', { metadata: { namespace: 'kube-system', name: 'coredns' }, data: { Corefile } });
    api.apply('configmaps', { metadata: { namespace: 'kube-system', name: 'other' }, data: { Corefile } });
    const live = await read(url);
    const recorded = readApiFolder(recording, attempted);
    if (!live.ok || !recorded.ok) throw new Error('both must be readable');
    const byName = <T extends { readonly name: string }>(objects: readonly T[]) =>
      objects.toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
    expect(byName(live.value.state.services)).toEqual(byName(recorded.value.services));
    expect(byName(live.value.state.endpointSlices)).toEqual(byName(recorded.value.endpointSlices));
    expect(byName(live.value.state.nodes)).toEqual(byName(recorded.value.nodes));
    expect(byName(live.value.state.pods ?? [])).toEqual(byName(recorded.value.pods ?? []));
    expect(byName(live.value.state.namespaces ?? [])).toEqual(byName(recorded.value.namespaces ?? []));
    expect(byName(live.value.state.networkPolicies ?? [])).toEqual(byName(recorded.value.networkPolicies ?? []));
    expect(live.value.state.foreignPolicies).toEqual([]);
    expect(live.value.state.dnsConfigurations).toEqual([
      { namespace: 'kube-system', name: 'coredns', files: { Corefile } },
    ]);
    expect(live.value.state.podEvents?.map(({ name, nodeName }) => [name, nodeName])).toEqual([['web-0', 'node-a']]);
    expect([recorded.value.pods?.length, recorded.value.namespaces?.length, live.value.gaps]).toEqual([29, 10, []]);
  });

  it('are read without what may not be listed, and that is said', async () => {
    const { api, url } = await listeningApi();
    loadRecordedLists(api, recording);
    for (const plural of ['pods', 'namespaces', 'events', 'networkpolicies', 'configmaps']) {
      api.fail({ plural, what: { kind: 'status', status: 403 } });
    }
    const live = await read(url);
    if (!live.ok) throw new Error(live.refusal.cameBack);
    const { pods, namespaces, podEvents, networkPolicies, dnsConfigurations } = live.value.state;
    expect([pods, namespaces, podEvents, networkPolicies, dnsConfigurations]).toEqual([null, null, null, null, null]);
    expect(live.value.gaps.toSorted()).toEqual([
      expect.stringMatching(/^what takes events is not checked: GET .*: 403 Forbidden/),
      expect.stringMatching(/^what takes more of the API is not checked: GET .*configmaps.*: 403 Forbidden/),
      expect.stringMatching(/^what takes namespaces is not checked: GET .*: 403 Forbidden/),
      expect.stringMatching(/^what takes networkpolicies is not checked: GET .*: 403 Forbidden/),
      expect.stringMatching(/^what takes pods is not checked: GET .*: 403 Forbidden/),
    ]);
  });

  it('that may not be listed are refused with what to do', async () => {
    const { api, url } = await listeningApi();
    api.fail({ plural: 'nodes', what: { kind: 'status', status: 403 } });
    expect(await read(url)).toEqual({
      ok: false,
      refusal: {
        attempted,
        cameBack: `GET ${url}/api/v1/nodes: 403 Forbidden: services is forbidden: User "system:anonymous" cannot list resource "services"`,
        advice:
          'Whoever asks must be allowed to list services, endpointslices.discovery.k8s.io and nodes in all namespaces. Or take recorded lists: --api DIR.',
      },
    });
  });

  it('that cannot be reached are refused with what to do', async () => {
    expect(await read('http://127.0.0.1:1')).toEqual({
      ok: false,
      refusal: {
        attempted,
        cameBack: 'GET http://127.0.0.1:1/api/v1/services: unreachable: connect ECONNREFUSED 127.0.0.1:1',
        advice: 'See whether `kubectl get nodes` has an answer from this machine. Or take recorded lists: --api DIR.',
      },
    });
  });

  it('that cannot be read are named', async () => {
    const { api, url } = await listeningApi();
    api.apply('services', { metadata: { namespace: 'shop', name: 'web' }, spec: { type: 'Teleport' } });
    const outcome = await read(url);
    expect(outcome.ok ? outcome : outcome.refusal.cameBack).toBe(
      'Service shop/web: spec.type is "Teleport", expected one of ClusterIP, NodePort, LoadBalancer, ExternalName',
    );
  });
});
