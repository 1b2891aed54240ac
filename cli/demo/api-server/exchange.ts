/** One request and its answer, whatever carries them: HTTP, or a test in the same process. */

export interface Asked {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** What stands after `Bearer`; null without it. */
  readonly token: string | null;
  readonly body: string;
}

export interface Reply {
  head(status: number, headers: Readonly<Record<string, string>>): void;
  write(text: string): void;
  /** The answer is whole. */
  end(): void;
  /** The connection breaks. */
  cut(): void;
  /** Calls when the connection is over, whoever ended it. */
  onClose(listener: () => void): void;
}

/** What a Status says beside its code. */
export interface Complaint {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: unknown;
}

/** Answers with a JSON document, as the real server writes it to programs: on one line. */
export function answerJson(reply: Reply, status: number, body: unknown, headers: Record<string, string> = {}): void {
  reply.head(status, { ...jsonHeaders, ...headers });
  reply.write(`${JSON.stringify(body)}\n`);
  reply.end();
}

/** Answers with a Status of failure. */
export function answerFailure(reply: Reply, complaint: Complaint, headers: Record<string, string> = {}): void {
  answerJson(reply, complaint.code, statusOf(complaint), headers);
}

export const jsonHeaders = { 'cache-control': 'no-cache, private', 'content-type': 'application/json' };

/** The Status object. */
export function statusOf({ code, reason, message, details }: Complaint): unknown {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  };
}
