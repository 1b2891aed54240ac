import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { localHost } from './host.ts';
import { askBird } from './host-bird.ts';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-bird-'));
const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Daemon {
  readonly path: string;
  /** What it was told, line by line. */
  readonly told: string[];
}

/** A socket at which this answers: first to the connection, then to each line. */
async function daemon(greeting: string, answerTo: (line: string, socket: Socket) => void): Promise<Daemon> {
  const path = join(folder, `${servers.length}.ctl`);
  const told: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(greeting);
    socket.on('data', (bytes) => {
      const line = bytes.toString('utf8');
      told.push(line);
      answerTo(line, socket);
    });
  });
  servers.push(server);
  await new Promise<void>((ready) => server.listen(path, ready));
  return { path, told };
}

const ready = '0001 BIRD 2.0.12 ready.\n';

describe('a BIRD that is asked', () => {
  it('is told to take no orders first, and its answer may come in pieces', async () => {
    const { path, told } = await daemon(ready, (line, socket) => {
      if (line === 'restrict\n') socket.write('0016 Access restricted\n');
      else {
        socket.write('2002-Name\n1002-device1    Dev');
        setTimeout(() => socket.write('ice     ---        up     05:43:43.402\n \n00'), 5);
        setTimeout(() => socket.write('00 \n'), 10);
      }
    });
    expect(await askBird(path)).toEqual({
      ok: true,
      text: '2002-Name\n1002-device1    Device     ---        up     05:43:43.402\n \n0000 \n',
    });
    expect(told).toEqual(['restrict\n', 'show protocols all\n']);
  });

  it('and knows no restriction is asked nothing', async () => {
    const { path, told } = await daemon(ready, (_line, socket) => socket.write('9001 syntax error\n'));
    expect(await askBird(path)).toEqual({
      ok: false,
      kind: 'failed',
      message: `BIRD at ${path}: it refused: syntax error`,
    });
    expect(told).toEqual(['restrict\n']);
  });

  it('and hangs up in the middle has failed', async () => {
    const { path } = await daemon(ready, (_line, socket) => socket.end('1002-dev'));
    expect(await askBird(path)).toEqual({
      ok: false,
      kind: 'failed',
      message: `BIRD at ${path}: it closed the connection before it had answered`,
    });
  });

  it('and never ends is cut off', async () => {
    const { path } = await daemon(ready, (line, socket) => {
      if (line === 'restrict\n') socket.write('0016 Access restricted\n');
      else for (let i = 0; i < 20; i++) socket.write('1002-x\n'.repeat(10_000));
    });
    expect(await askBird(path)).toEqual({
      ok: false,
      kind: 'too-long',
      message: `BIRD at ${path}: more than 1048576 bytes`,
    });
  });

  it('and is not there is absent; where its socket was left behind it has failed', async () => {
    expect(await askBird(join(folder, 'nowhere.ctl'))).toMatchObject({ ok: false, kind: 'absent' });
    writeFileSync(join(folder, 'left.ctl'), '');
    expect(await askBird(join(folder, 'left.ctl'))).toMatchObject({ ok: false, kind: 'failed' });
  });

  it('at a socket that is none of the known is never asked', async () => {
    const { path, told } = await daemon(ready, () => undefined);
    expect(await localHost().askBird?.(path)).toEqual({
      ok: false,
      kind: 'failed',
      message: `${path} is no socket of BIRD that is known`,
    });
    expect(told).toEqual([]);
  });
});
