/** A node's folder that is being recorded: nobody but the owner may read it, and a file is there when it is whole. */
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

const fileMode = 0o600;
const folderMode = 0o700;

/** A file whose content comes piece by piece. */
export interface GrowingFile {
  write(piece: Uint8Array): void;
  /** It is whole. @param how `after` = behind what the file holds already. */
  keep(how: 'instead' | 'after'): void;
  /** It is not, and is not wanted. */
  discard(): void;
}

export class NodeFolder {
  readonly path: string;

  /** @param path is made. */
  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true, mode: folderMode });
  }

  folder(name: string): void {
    mkdirSync(join(this.path, name), { recursive: true, mode: folderMode });
  }

  file(name: string, content: string | Uint8Array): void {
    const growing = this.begin(name);
    growing.write(typeof content === 'string' ? Buffer.from(content) : content);
    growing.keep('instead');
  }

  /** @param name below the folder: `net/ip-addr.json`. */
  begin(name: string): GrowingFile {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true, mode: folderMode });
    const growing = `${path}.partial`;
    const fd = openSync(growing, 'w', fileMode);
    return {
      write: (piece) => writeWhole(fd, piece),
      keep: (how) => {
        closeSync(fd);
        if (how === 'instead') {
          renameSync(growing, path);
          return;
        }
        appendFileSync(path, readFileSync(growing), { mode: fileMode });
        rmSync(growing);
      },
      discard: () => {
        closeSync(fd);
        rmSync(growing, { force: true });
      },
    };
  }
}

function writeWhole(fd: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written);
}
