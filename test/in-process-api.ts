/** The stand-in API server without a network between: the requests of an ApiClient go to it in this process. */
import type { ApiRequest, ApiTransport, Sent } from '../aggregator/cluster/api-transport.ts';
import type { Reply } from '../cli/demo/api-server/exchange.ts';
import type { ApiStandIn } from '../cli/demo/api-server/stand-in.ts';

export function inProcessTransport(standIn: ApiStandIn): ApiTransport {
  return {
    server: 'https://192.0.2.10:6443',
    send: (request) => new Promise((resolve) => ask(standIn, request, resolve)),
    close: async () => undefined,
  };
}

function ask(standIn: ApiStandIn, { method, path, body, signal }: ApiRequest, answered: (sent: Sent) => void): void {
  const { pathname, searchParams } = new URL(path, 'http://localhost');
  const pipe = new Pipe();
  signal.addEventListener('abort', () => {
    pipe.break('aborted');
    answered({ ok: false, reason: 'unreachable', message: 'aborted' });
  });
  const reply: Reply = {
    head: (status, headers) => {
      const header = (name: string): string | null => headers[name] ?? null;
      answered({ ok: true, response: { status, header, body: pipe } });
    },
    write: (text) => pipe.push(text),
    end: () => pipe.end(),
    cut: () => {
      pipe.break('socket hang up');
      answered({ ok: false, reason: 'unreachable', message: 'socket hang up' });
    },
    onClose: (listener) => pipe.onClose(listener),
  };
  standIn.answer({ method, path: pathname, query: searchParams, token: null, body: body ?? '' }, reply);
}

/** What is written at one end comes out at the other, until either ends it. */
class Pipe implements AsyncIterable<Uint8Array> {
  readonly #pieces: Uint8Array[] = [];
  readonly #closeListeners: (() => void)[] = [];
  #over: 'no' | 'ended' | { readonly broken: string } = 'no';
  #wake: (() => void) | null = null;

  push(text: string): void {
    if (this.#over !== 'no') return;
    this.#pieces.push(Buffer.from(text));
    this.#wake?.();
  }

  end(): void {
    this.#finish('ended');
  }

  break(reason: string): void {
    this.#finish({ broken: reason });
  }

  onClose(listener: () => void): void {
    this.#closeListeners.push(listener);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        for (let piece = this.#pieces.shift(); piece !== undefined; piece = this.#pieces.shift()) yield piece;
        if (this.#over === 'ended') return;
        if (this.#over !== 'no') throw new Error(this.#over.broken);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.#finish('ended');
    }
  }

  #finish(how: 'ended' | { readonly broken: string }): void {
    if (this.#over !== 'no') return;
    this.#over = how;
    this.#wake?.();
    for (const listener of this.#closeListeners.splice(0)) listener();
  }
}
