import { describe, expect, it } from 'vitest';
import { httpOptions } from '../../test/http-options.ts';
import { HttpServer } from './server.ts';

const loopback = { host: '127.0.0.1', port: 0 };

describe('the server', () => {
  it('answers on the URL that it gives, until it is stopped', async () => {
    const options = httpOptions();
    const server = new HttpServer(options);
    const url = await server.start(loopback);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    await server.stop();
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
    expect(options.lines).toEqual([{ level: 'info', fields: { url }, message: 'HTTP is being answered' }]);
  });

  it('cannot start where another one listens', async () => {
    const first = new HttpServer(httpOptions());
    const { port } = new URL(await first.start(loopback));
    await expect(new HttpServer(httpOptions()).start({ host: '127.0.0.1', port: Number(port) })).rejects.toThrow(
      'EADDRINUSE',
    );
    await first.stop();
  });

  it('can be stopped twice, and before it was started', async () => {
    const server = new HttpServer(httpOptions());
    await server.stop();
    await server.start(loopback);
    await Promise.all([server.stop(), server.stop()]);
    expect(await server.stop()).toBeUndefined();
  });
});
