/** A cluster that forwards ports: the stand-in API server with one aggregator's pod, and a user who may reach it. */
import type { HttpServer } from '../aggregator/http/server.ts';
import type { ListenPlace } from '../cli/demo/api-server/listen.ts';
import type { ApiStandIn } from '../cli/demo/api-server/stand-in.ts';
import { afterwards, kubeconfigFile, listeningApi, userToken } from './listening-api.ts';
import { PortForwardServer } from './port-forward-server.ts';

export interface ForwardingCluster {
  readonly api: ApiStandIn;
  readonly forwards: PortForwardServer;
  /** Of a user whom the API server knows. */
  readonly kubeconfig: string;
  /** The API server's URL. */
  readonly url: string;
  /** Lets a pod of the release `plumbline` run whose port 8080 is this one of 127.0.0.1. */
  runPod(name: string, port: number, changes?: PodChanges): void;
  /** Deletes it, and breaks what was forwarded. */
  removePod(name: string): void;
}

interface PodChanges {
  readonly release?: string;
  readonly status?: unknown;
}

const namespace = 'plumbline';

const readyStatus = {
  phase: 'Running',
  conditions: [{ type: 'Ready', status: 'True' }],
  containerStatuses: [{ name: 'aggregator', state: { running: { startedAt: '2026-11-22T11:00:00Z' } } }],
};

/** @param tls the API server's certificate; plain HTTP without it. */
export async function forwardingCluster(tls?: ListenPlace['tls']): Promise<ForwardingCluster> {
  const ports = new Map<string, number>();
  const forwards = new PortForwardServer({ target: (within, pod) => ports.get(`${within}/${pod}`) ?? null });
  const { api, url } = await listeningApi(
    { requiresToken: true },
    {
      onUpgrade: forwards.accept,
      ...(tls === undefined ? {} : { tls }),
    },
  );
  afterwards(() => forwards.cut());
  api.addToken(userToken('token-of-jane'));
  api.addAccount(namespace, 'plumbline-viewer');
  return {
    api,
    forwards,
    kubeconfig: kubeconfigFile({ server: url, user: { token: 'token-of-jane' } }),
    url,
    runPod(name, port, { release = 'plumbline', status = readyStatus } = {}) {
      ports.set(`${namespace}/${name}`, port);
      const labels = {
        'app.kubernetes.io/name': 'plumbline',
        'app.kubernetes.io/instance': release,
        'app.kubernetes.io/component': 'aggregator',
      };
      api.apply('pods', { metadata: { namespace, name, labels }, status });
    },
    removePod(name) {
      ports.delete(`${namespace}/${name}`);
      api.remove('pods', `${namespace}/${name}`);
      forwards.cut();
    },
  };
}

/** Starts it on a free port, which it gives back; it stops when the test is over. */
export async function portOf(server: HttpServer): Promise<number> {
  const url = await server.start({ host: '127.0.0.1', port: 0 });
  afterwards(() => server.stop());
  return Number(new URL(url).port);
}
