/** Opens a port-forward to a pod, as a WebSocket to the API server. */
import { Agent as PlainAgent, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { WebSocket } from 'ws';
import type { ApiAccess, Credentials } from '../../aggregator/cluster/api-access.ts';
import { causeText } from '../../aggregator/cluster/api-access.ts';
import { type ApiError, noAnswer, statusError } from '../../aggregator/cluster/api-error.ts';
import { NotConnected } from '../api/not-connected.ts';
import { done, type Outcome, type Refusal } from '../refusal.ts';
import type { AggregatorPod } from './aggregator-pod.ts';
import { clusterRefusal } from './cluster-refusal.ts';
import { Tunnel } from './tunnel.ts';

const subprotocol = 'v4.channel.k8s.io';
const handshakeMs = 10_000;
const longestRefusal = 64 * 1024;
/** What a kubelet reads at once is 32 KiB; nothing of this size is one message of a forwarded port. */
const longestMessage = 16 * 1024 * 1024;

export interface PodPort {
  readonly pod: AggregatorPod;
  readonly port: number;
}

/** A stream of bytes to a port on the loopback address within the pod. */
export async function openTunnel(
  access: ApiAccess,
  { pod, port }: PodPort,
  signal: AbortSignal,
): Promise<Outcome<Tunnel>> {
  const { namespace, name } = pod;
  const step = {
    attempted: `forward port ${port} of the pod ${namespace}/${name}`,
    // A WebSocket comes as GET, which is the verb get; since Kubernetes 1.35 it takes create as well.
    right: 'get and create pods/portforward',
    namespace,
    onMissing: 'The pod has just gone: try again.',
  };
  const place = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/portforward`;
  const url = `${access.server.replace(/\/+$/, '')}${place}?ports=${port}`;
  const credentials = await access.current();
  const opened = credentials.ok
    ? await handshake(url, credentials, signal)
    : noAnswer(`GET ${url}`, 'credentials', credentials.message);
  if (!opened.ok) {
    if (opened.error.status === 401) access.renew();
    return { ok: false, refusal: clusterRefusal(step, opened.error) };
  }
  return done(new Tunnel(opened.socket, (reason) => new NotConnected(lost(step.attempted, reason, pod))));
}

type Opened = { readonly ok: true; readonly socket: WebSocket } | { readonly ok: false; readonly error: ApiError };

function handshake(url: string, { headers, tls, proxy }: Credentials, signal: AbortSignal): Promise<Opened> {
  const attempted = `GET ${url.replace(/\?.*$/s, '')}`;
  return new Promise((resolve) => {
    const socket = new WebSocket(url, [subprotocol], {
      ...tls,
      ...(proxy === null ? {} : { agent: agentThrough(proxy, url) }),
      headers: { ...headers, 'user-agent': 'plumbline' },
      handshakeTimeout: handshakeMs,
      maxPayload: longestMessage,
      perMessageDeflate: false,
    });
    const giveUp = () => socket.terminate();
    const end = (opened: Opened) => {
      signal.removeEventListener('abort', giveUp);
      resolve(opened);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    // What is wrong later, the tunnel is told as well; and a socket that was given up complains to nobody.
    socket.on('error', (cause) => end(noAnswer(attempted, 'unreachable', causeText(cause))));
    socket.once('unexpected-response', (request, response) => {
      void refusalBody(response).then((body) => {
        request.destroy();
        end({ ok: false, error: statusError(attempted, response.statusCode ?? 0, body) });
      });
    });
    socket.once('open', () => {
      // Nothing is read before the tunnel listens: that begins when the promise is awaited.
      socket.pause();
      end({ ok: true, socket });
    });
    if (signal.aborted) giveUp();
  });
}

/** The Status in JSON, or the text that came instead. */
async function refusalBody(response: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of response) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > longestRefusal) break;
    }
  } catch {
    // The status says enough.
  }
  const text = Buffer.concat(pieces).toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function agentThrough(proxy: string, url: string): PlainAgent {
  const proxyEnv = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy };
  return url.startsWith('https:') ? new TlsAgent({ proxyEnv }) : new PlainAgent({ proxyEnv });
}

/** The forwarded connection broke, or never came about within the pod. */
function lost(attempted: string, reason: string, { namespace, name }: AggregatorPod): Refusal {
  return {
    attempted,
    cameBack: reason.trim(),
    advice: `Does the aggregator run, and listen there? Its log says:\n  kubectl --namespace ${namespace} logs ${name}`,
  };
}
