/**
 * Short-lived tokens of the viewer's ServiceAccount, by TokenRequest.
 * https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
 * The token of the kubeconfig itself is for the API server, and never shown to the aggregator.
 */
import type { ApiClient } from '../../aggregator/cluster/api-client.ts';
import { recordOf } from '../../aggregator/cluster/json-record.ts';
import type { TokenSource } from '../api/tokens.ts';
import { done, type Outcome, refused } from '../refusal.ts';
import type { AggregatorPod } from './aggregator-pod.ts';
import { clusterRefusal } from './cluster-refusal.ts';

/** Of nobody but the aggregator's HTTP side (`--http-audience`). */
const audience = 'plumbline-http';
/** The shortest that API servers give. */
const lifeSeconds = 600;
/** From then on another is asked for; a clock that differs by a minute does no harm. */
const freshMs = lifeSeconds * 800;

export interface TokenAsker {
  readonly api: ApiClient;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number;
  readonly signal: AbortSignal;
}

/** Tokens of the ServiceAccount `<release>-viewer` beside the pod. */
export function viewerTokens(pod: AggregatorPod, { api, monotonic, signal }: TokenAsker): TokenSource {
  let held: { readonly token: Promise<Outcome<string>>; readonly until: number } | null = null;
  return {
    async current() {
      if (held === null || monotonic() >= held.until) {
        held = { token: requestToken(pod, api, signal), until: monotonic() + freshMs };
      }
      const token = await held.token;
      if (!token.ok) held = null;
      return token;
    },
    renew() {
      held = null;
      return true;
    },
  };
}

async function requestToken(
  { namespace, release }: AggregatorPod,
  api: ApiClient,
  signal: AbortSignal,
): Promise<Outcome<string>> {
  const account = `${release}-viewer`;
  const attempted = `take a token of the ServiceAccount ${namespace}/${account}`;
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(account)}/token`;
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: [audience], expirationSeconds: lifeSeconds },
  };
  const answer = await api.post(path, request, signal);
  if (!answer.ok) {
    const right = `create serviceaccounts/token of ${account}`;
    const onMissing =
      'The chart makes it: helm upgrade brings it back. Else give a token of your own with --token-file.';
    return { ok: false, refusal: clusterRefusal({ attempted, right, namespace, onMissing }, answer.error) };
  }
  const { token } = recordOf(recordOf(answer.value).status);
  if (typeof token === 'string' && token !== '') return done(token);
  return refused(attempted, 'the answer holds none', 'Is it a Kubernetes API server, of version 1.24 or later?');
}
