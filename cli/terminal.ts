/** Where a command writes: the two streams, and what the reader at the other end can show. */
import type { Writable } from 'node:stream';

export interface Terminal {
  /** Whether stdout may carry colours. */
  readonly colours: boolean;
  /** Columns to set text in. */
  readonly columns: number;
  /** Writes to stdout; resolves when the text was handed on, or when nobody reads any more. */
  print(text: string | Uint8Array): Promise<void>;
  /** Writes to stderr, likewise. */
  warn(text: string): Promise<void>;
  /** Whether the reader of stdout has gone (`plumbline ... | head`): more work for it is in vain. */
  isClosed(): boolean;
}

const widest = 120;
const narrowest = 60;

interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/**
 * The terminal over two real streams. Awaiting each write holds a fast writer to the pace of a slow reader, and leaves
 * nothing unwritten at exit.
 * @param wantsColours the user's word (NO_COLOR, FORCE_COLOR), null where there is none: then a TTY has colours.
 */
export function streamTerminal(stdout: OutputStream, stderr: OutputStream, wantsColours: boolean | null): Terminal {
  const closed = new Set<Writable>();
  for (const stream of [stdout, stderr]) {
    stream.on('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EPIPE' && cause.code !== 'ERR_STREAM_DESTROYED') throw cause;
      closed.add(stream);
    });
  }
  const write = (stream: Writable, text: string | Uint8Array) =>
    new Promise<void>((resolve) => {
      if (closed.has(stream) || text.length === 0) resolve();
      else stream.write(text, () => resolve());
    });
  return {
    colours: wantsColours ?? stdout.isTTY === true,
    columns: Math.max(narrowest, Math.min(widest, stdout.columns ?? 80)),
    print: (text) => write(stdout, text),
    warn: (text) => write(stderr, text),
    isClosed: () => closed.has(stdout),
  };
}
