/**
 * Agents in pods: the token of the agent's ServiceAccount, bound to its pod, with our audience. The API server says
 * whether the token holds and of which pod it is; our own watch of pods says on which node that pod runs. A pod never
 * changes its node, so a thief of one node's disk can speak for that node only.
 */
import { parseAddress } from '../../proto/address.ts';
import { bearerOf, expiryOf } from '../doors/bearer-token.ts';
import { Tally } from '../doors/tally.ts';
import { TokenReviews } from '../doors/token-reviews.ts';
import type { AgentPod } from '../model/feeds.ts';
import type { Figure } from '../model/record.ts';
import type { ReviewOutcome, TokenReviewStatus } from '../model/token-review.ts';
import type { AgentAuthenticator, StreamCredentials, Verdict } from './authenticate.ts';
import type { Closing, ClosingCode } from './closing.ts';

export interface AgentPods {
  /** From the watch. */
  byUid(uid: string): AgentPod | null;
  /** Asks the API server itself, for a pod that the watch has not told of yet. Null also when it cannot be asked. */
  refresh(uid: string, name?: string): Promise<AgentPod | null>;
}

export interface TokenAuthenticatorOptions {
  /** Asks for our audience. */
  readonly reviewToken: (token: string) => Promise<ReviewOutcome>;
  readonly audience: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** The DaemonSet whose pods are agents. */
  readonly daemonSet: string;
  readonly pods: AgentPods;
  /** Addresses of a node by the API; null where it is not known. */
  readonly nodeAddresses: (node: string) => readonly string[] | null;
  /** Unix milliseconds. */
  readonly now: () => number;
}

const claims = {
  podUid: 'authentication.kubernetes.io/pod-uid',
  podName: 'authentication.kubernetes.io/pod-name',
  nodeName: 'authentication.kubernetes.io/node-name',
};
const busyRetryMs = 2000;
const apiRetryMs = 5000;
/** A token that expired by our clock and not by the API server's: clocks differ, and the stream gets this long. */
const expiredGraceMs = 60_000;

export class TokenAuthenticator implements AgentAuthenticator {
  readonly #options: TokenAuthenticatorOptions;
  readonly #reviews: TokenReviews;
  readonly #verdicts = new Tally();
  #strangePeers = 0;
  #isApiDown = false;

  constructor(options: TokenAuthenticatorOptions) {
    this.#options = options;
    this.#reviews = new TokenReviews(options);
  }

  async authenticate(credentials: StreamCredentials): Promise<Verdict> {
    const verdict = await this.#judge(credentials);
    this.#verdicts.add(verdict.ok ? 'ok' : verdict.closing.reason);
    return verdict;
  }

  forgetPod(uid: string): void {
    this.#reviews.forgetPod(uid);
  }

  figures(): readonly Figure[] {
    const verdicts = this.#verdicts.entries().map(
      ([verdict, value]): Figure => ({
        name: 'plumbline_ingest_authentications_total',
        help: 'Streams of agents that showed a token, by what came of it.',
        kind: 'counter',
        labels: { verdict },
        value,
      }),
    );
    const reviews = this.#reviews.outcomes.entries().map(
      ([outcome, value]): Figure => ({
        name: 'plumbline_ingest_token_reviews_total',
        help: 'Tokens held against the API server, by what came of it; remembered: without asking again.',
        kind: 'counter',
        labels: { outcome },
        value,
      }),
    );
    return [
      ...verdicts,
      ...reviews,
      {
        name: 'plumbline_ingest_token_reviews_pending',
        help: 'Token reviews that run or wait.',
        kind: 'gauge',
        value: this.#reviews.pending,
      },
      {
        name: 'plumbline_ingest_authentication_degraded',
        help: '1 while the API server does not review tokens: streams go on, new ones are refused.',
        kind: 'gauge',
        value: this.#isApiDown ? 1 : 0,
      },
      {
        name: 'plumbline_ingest_strange_peers_total',
        help: 'Streams from an address that is none of their node. Address translation does that too.',
        kind: 'counter',
        value: this.#strangePeers,
      },
    ];
  }

  /** The rules in their order; the first that is broken refuses. */
  async #judge({ authorization, peerAddress }: StreamCredentials): Promise<Verdict> {
    const token = bearerOf(authorization);
    if (token === null) return refused('unauthenticated', 'no-token', 'no bearer token');
    const expiresAt = expiryOf(token);
    const reviewed = await this.#reviews.review(token, expiresAt);
    if (reviewed === 'busy') return later('review-busy', 'too many tokens are under review', busyRetryMs);
    this.#isApiDown = !reviewed.ok;
    if (!reviewed.ok) return later('review-failed', 'the API server did not review the token', apiRetryMs);
    const { status } = reviewed;
    const objection = this.#objectionTo(status);
    if (objection !== null) return { ok: false, closing: objection };
    const [podUid = ''] = status.extra[claims.podUid] ?? [];
    const { pods } = this.#options;
    const pod = pods.byUid(podUid) ?? (await pods.refresh(podUid, status.extra[claims.podName]?.[0]));
    if (pod?.nodeName === undefined || pod.nodeName === null) {
      return later('pod-unknown', 'the pod of the token is not known here, or not yet', busyRetryMs);
    }
    if (!this.#isAgent(pod)) return refused('permission-denied', 'other-pod', 'the pod of the token is no agent');
    const told = status.extra[claims.nodeName];
    if (told !== undefined && !(told.length === 1 && told[0] === pod.nodeName)) {
      return refused('permission-denied', 'other-node', 'the token names another node than its pod runs on');
    }
    this.#notePeer(pod.nodeName, peerAddress);
    return { ok: true, identity: { node: pod.nodeName, podUid, expiresAt: this.#endOf(expiresAt) } };
  }

  #objectionTo(status: TokenReviewStatus): Closing | null {
    const { audience, namespace, serviceAccount } = this.#options;
    const { authenticated, audiences, username, extra } = status;
    if (!authenticated) return closing('unauthenticated', 'token-refused', 'the API server does not take the token');
    // An authenticator that knows no audiences takes any token, and names none.
    if (!audiences.includes(audience)) {
      return closing('unauthenticated', 'other-audience', `the token is not for audience ${audience}`);
    }
    if (username !== `system:serviceaccount:${namespace}:${serviceAccount}`) {
      return closing('permission-denied', 'other-account', "the token is not of the agents' ServiceAccount");
    }
    const uids = extra[claims.podUid] ?? [];
    if (uids.length === 1 && uids[0] !== '') return null;
    return closing('permission-denied', 'unbound-token', 'the token is not bound to a pod');
  }

  #isAgent(pod: AgentPod): boolean {
    const { namespace, serviceAccount, daemonSet } = this.#options;
    return (
      pod.namespace === namespace &&
      pod.serviceAccountName === serviceAccount &&
      pod.ownerKind === 'DaemonSet' &&
      pod.ownerName === daemonSet
    );
  }

  #endOf(expiresAt: number | null): number | null {
    return expiresAt === null ? null : Math.max(expiresAt, this.#options.now() + expiredGraceMs);
  }

  #notePeer(node: string, peerAddress: string | null): void {
    const known = this.#options.nodeAddresses(node);
    const peer = peerAddress === null ? null : parseAddress(peerAddress);
    if (known !== null && peer !== null && !known.includes(peer)) this.#strangePeers++;
  }
}

function closing(code: ClosingCode, reason: string, message: string): Closing {
  return { code, reason, message };
}

function refused(code: ClosingCode, reason: string, message: string): Verdict {
  return { ok: false, closing: closing(code, reason, message) };
}

function later(reason: string, message: string, retryAfterMs: number): Verdict {
  return { ok: false, closing: { code: 'unavailable', reason, message, retryAfterMs } };
}
