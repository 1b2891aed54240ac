/**
 * Sends a datagram every tenth of a second from one port, and says who answers: the kind of client that never lets a
 * flow of UDP end.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const program = `
  const socket = require('node:dgram').createSocket('udp4');
  const [to, port] = process.argv.slice(1);
  socket.on('message', (message) => console.log(message.toString()));
  // A rejected datagram must not end it.
  socket.on('error', () => {});
  socket.bind(0, () => setInterval(() => socket.send('?', Number(port), to, () => {}), 100));
`;

export interface SteadySender {
  /** Who answers a datagram that is sent from now on, as `address:port`; a server of the lab says so itself. */
  nextAnswer(): Promise<string>;
  stop(): Promise<void>;
}

/** @param to address and port that it sends to. */
export function startSender(namespace: string, to: string, port: number): SteadySender {
  const words = ['netns', 'exec', namespace, process.execPath, '-e', program, to, String(port)];
  const child = spawn('ip', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let listener: (server: string) => void = () => undefined;
  createInterface({ input: child.stdout }).on('line', (line) => listener(line.split(' ', 1)[0] ?? ''));
  const heard = () => new Promise<string>((resolve) => (listener = resolve));
  return {
    nextAnswer: async () => {
      // The first may be under way already.
      await heard();
      return heard();
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
