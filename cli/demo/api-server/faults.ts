/** Ways for a request to go wrong, told beforehand: the next requests that fit meet them. */
import { answerFailure, jsonHeaders, type Reply } from './exchange.ts';

export type Verb = 'list' | 'watch' | 'get' | 'review' | 'token';

export interface Fault {
  /** Undefined: of any. */
  readonly plural?: string;
  readonly verb?: Verb;
  /** Only a page of a list after its first. */
  readonly laterPage?: true;
  /** So many requests meet it; 1 unless said. */
  readonly times?: number;
  readonly what:
    | {
        readonly kind: 'status';
        readonly status: number;
        readonly retryAfterSeconds?: number;
        /** What the usual one of that status would not fit. */
        readonly message?: string;
      }
    /** The connection breaks before any answer, or in the midst of one. */
    | { readonly kind: 'cut' | 'truncated' }
    /** Headers never come, or come and nothing after them. */
    | { readonly kind: 'no-answer' | 'silent' }
    /** A page of a proxy that calls itself success, or a list of something else. */
    | { readonly kind: 'web-page' | 'wrong-kind' };
}

const words: Readonly<Record<number, { readonly reason: string; readonly message: string }>> = {
  401: { reason: 'Unauthorized', message: 'Unauthorized' },
  403: {
    reason: 'Forbidden',
    message: 'services is forbidden: User "system:anonymous" cannot list resource "services"',
  },
  404: { reason: 'NotFound', message: 'the server could not find the requested resource' },
  410: { reason: 'Expired', message: 'The resourceVersion for the provided list is too old.' },
  429: { reason: 'TooManyRequests', message: 'Too many requests, please try again later.' },
  500: { reason: 'InternalError', message: 'Internal error occurred: etcdserver: leader changed' },
  503: { reason: 'ServiceUnavailable', message: 'apiserver is shutting down.' },
};

/** Plays the fault in place of the answer. */
export function playFault({ what }: Fault, reply: Reply): void {
  switch (what.kind) {
    case 'status': {
      const { reason, message } = words[what.status] ?? { reason: '', message: '' };
      const headers = what.retryAfterSeconds === undefined ? {} : { 'retry-after': String(what.retryAfterSeconds) };
      answerFailure(reply, { code: what.status, reason, message: what.message ?? message }, headers);
      break;
    }
    case 'cut':
      reply.cut();
      break;
    case 'no-answer':
      break;
    case 'silent':
      reply.head(200, jsonHeaders);
      break;
    case 'truncated':
    case 'web-page':
    case 'wrong-kind':
      reply.head(200, jsonHeaders);
      reply.write(strangeAnswers[what.kind]);
      reply.end();
      break;
  }
}

const strangeAnswers = {
  truncated: '{"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[{"meta',
  'web-page': '<html><body>Please log in</body></html>\n',
  'wrong-kind': '{"kind":"EventList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}\n',
} as const;
