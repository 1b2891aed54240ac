/**
 * BIRD's control sockets, behind the door that is host.ts: one question, which changes nothing, after BIRD was told to
 * refuse every other (`restrict`). The protocol: BIRD's doc/reply_codes and nest/cli.c; a reply is lines that begin with a
 * code of four digits and `-` where more of it comes, the last one with a blank.
 *
 *     0001 BIRD 2.0.12 ready.
 *     0016 Access restricted
 *     2002-Name       Proto      Table      State  Since         Info
 *     1002-Mesh_192_168_100_12 BGP        ---        up     12:00:01.123  Established
 *     1006-  BGP state:          Established
 *     0000
 */
import { createConnection } from 'node:net';

export type BirdDaemon = 'bird' | 'bird6';

export type BirdAnswer =
  | { readonly ok: true; readonly text: string }
  | {
      readonly ok: false;
      readonly kind: 'absent' | 'not-permitted' | 'deadline' | 'too-long' | 'failed';
      readonly message: string;
    };

/** Calico's, and those of a BIRD of the node itself. */
export const birdSockets: readonly { readonly daemon: BirdDaemon; readonly path: string }[] = [
  { daemon: 'bird', path: '/var/run/calico/bird.ctl' },
  { daemon: 'bird6', path: '/var/run/calico/bird6.ctl' },
  { daemon: 'bird', path: '/run/bird/bird.ctl' },
];

const deadlineMs = 3000;
const mostBytes = 1024 * 1024;
const questions = ['restrict', 'show protocols all'];

/** What `show protocols all` answers, codes included. Never throws, and leaves no connection behind. */
export function askBird(path: string): Promise<BirdAnswer> {
  return new Promise((resolve) => {
    let text = '';
    let asked = 0;
    const socket = createConnection({ path });
    const settle = (answer: BirdAnswer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const fail = (kind: Extract<BirdAnswer, { readonly ok: false }>['kind'], what: string) =>
      settle({ ok: false, kind, message: `BIRD at ${path}: ${what}` });
    const timer = setTimeout(() => fail('deadline', `no answer within ${deadlineMs} ms`), deadlineMs);
    socket.setEncoding('utf8');
    socket.on('error', (error: NodeJS.ErrnoException) => fail(kindOf(error.code), error.message));
    socket.on('close', () => fail('failed', 'it closed the connection before it had answered'));
    socket.on('data', (piece: string) => {
      text += piece;
      if (text.length > mostBytes) return fail('too-long', `more than ${mostBytes} bytes`);
      if (!isWhole(text)) return undefined;
      const refused = /^[89]\d{3} (.*)$/m.exec(text);
      if (refused !== null) return fail('failed', `it refused: ${refused[1]}`);
      const question = questions[asked++];
      if (question === undefined) return settle({ ok: true, text });
      text = '';
      socket.write(`${question}\n`);
      return undefined;
    });
  });
}

/** Whether the last line ends the reply. */
function isWhole(text: string): boolean {
  return /(?:^|\n)\d{4} [^\n]*\n$/.test(text) || /(?:^|\n)\d{4}\s*\n$/.test(text);
}

function kindOf(code: string | undefined): Extract<BirdAnswer, { readonly ok: false }>['kind'] {
  if (code === 'ENOENT') return 'absent';
  // Its socket is left where BIRD has ended.
  return code === 'EACCES' || code === 'EPERM' ? 'not-permitted' : 'failed';
}
