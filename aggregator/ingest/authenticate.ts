/** Whose stream is it? The node comes from here and from nowhere else. */
import type { Figure } from '../model/record.ts';
import type { Closing } from './closing.ts';

/** What a stream shows before any of its messages is read. */
export interface StreamCredentials {
  /** The `authorization` header; null without one. */
  readonly authorization: string | null;
  /** The address it comes from, without the port; null for a unix socket. */
  readonly peerAddress: string | null;
}

export interface Identity {
  readonly node: string;
  /** The agent's pod; null where there is none. */
  readonly podUid: string | null;
  /** When the stream must end, Unix milliseconds; null = not on this account. */
  readonly expiresAt: number | null;
}

export type Verdict =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly closing: Closing };

export interface AgentAuthenticator {
  authenticate(credentials: StreamCredentials): Promise<Verdict>;
  /** The pod was deleted: what was remembered of its tokens is void. */
  forgetPod(uid: string): void;
  figures(): readonly Figure[];
}
