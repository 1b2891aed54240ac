/** Listens, and stops without cutting off answers. */
import type { FastifyInstance } from 'fastify';
import { buildApp } from './app.ts';
import type { HttpOptions } from './options.ts';

/** Answers that have not ended in this time after a stop are cut. */
const stopMs = 5_000;

export interface ListenOn {
  /** `127.0.0.1`, `::1`, or any other address of this machine. */
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
}

export class HttpServer {
  readonly #options: HttpOptions;
  #app: FastifyInstance | null = null;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /**
   * @returns the URL that it answers on.
   * @throws when the address cannot be had: the program cannot start.
   */
  async start({ host, port }: ListenOn): Promise<string> {
    const app = buildApp(this.#options);
    this.#app = app;
    const url = await app.listen({ host, port });
    this.#options.log.info({ url }, 'HTTP is being answered');
    return url;
  }

  /** Takes no more connections, ends the streams of events, lets answers end, then cuts what is left. */
  async stop(): Promise<void> {
    const app = this.#app;
    this.#app = null;
    if (app === null) return;
    const cut = setTimeout(() => app.server.closeAllConnections(), stopMs);
    await app.close();
    clearTimeout(cut);
  }
}
