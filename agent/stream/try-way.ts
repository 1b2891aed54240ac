/** Whether the aggregator can be reached over a way: a connection and its TLS, as a dial would make them, and no more. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { WayFailure } from '../../proto/ways.ts';
import { hostPort, isSocket } from './address.ts';
import { connectionFailure } from './connection-failure.ts';
import { readCa, type StreamCredentials } from './credentials.ts';

/** How a try went; `not-tried` where this side was not ready for it, or ended it. */
export type Trial = 'worked' | 'not-tried' | WayFailure;

const deadlineMs = 10_000;
/** Both sides say goodbye; whoever does not answer is left. */
const goodbyeMs = 1_000;

/** Connects, says nothing, shows no token, and hangs up. */
export function tryWay(address: string, credentials: StreamCredentials, signal: AbortSignal): Promise<Trial> {
  const ca = readCa(address, credentials);
  const target = isSocket(address) ? { path: address.slice('unix:'.length) } : hostPort(address);
  if (!ca.ok || target === null || signal.aborted) return Promise.resolve('not-tried');
  const { serverName } = credentials;
  const name = serverName === null ? {} : { servername: serverName };
  const socket =
    ca.value === null
      ? connectTcp(target)
      : connectTls({ ...target, ...name, ca: ca.value, minVersion: 'TLSv1.3', ALPNProtocols: ['h2'] });
  return new Promise((resolve) => {
    const end = (trial: Trial): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      if (trial === 'worked') hangUp(socket);
      else socket.destroy();
      resolve(trial);
    };
    const giveUp = (): void => end('not-tried');
    const timer = setTimeout(() => end('timeout'), deadlineMs);
    signal.addEventListener('abort', giveUp, { once: true });
    socket.once(ca.value === null ? 'connect' : 'secureConnect', () => end('worked'));
    socket.on('error', (cause) => end(failureOf(cause)));
    socket.once('close', () => end('unreachable'));
  });
}

function hangUp(socket: Socket): void {
  socket.resume();
  socket.end();
  const timer = setTimeout(() => socket.destroy(), goodbyeMs);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

/** Where a name has several addresses, each has failed in its own way: the first one counts. */
function failureOf(cause: Error): WayFailure {
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const code = first instanceof Error && 'code' in first ? String(first.code) : '';
  return connectionFailure(`${code} ${String(first)}`) ?? 'unreachable';
}
