/** A node for tests, told line by line what it answers; whatever it was not told is absent. */
import type { GetResult, Host, ListResult, ReadResult, RunResult } from './host.ts';

export interface Script {
  /** `nft list flowtables` -> its output, or why it failed. */
  readonly runs?: { readonly [line: string]: string | Extract<RunResult, { readonly ok: false }> };
  readonly files?: { readonly [path: string]: string | Extract<ReadResult, { readonly ok: false }> };
  /** A folder -> what lies in it, or why it cannot be listed. */
  readonly folders?: { readonly [path: string]: ListResult };
  readonly answers?: { readonly [url: string]: GetResult };
}

/** @param log gets every command line that was run. */
export function scriptedHost({ runs = {}, files = {}, folders = {}, answers = {} }: Script, log: string[] = []): Host {
  return {
    async run({ program, args }, onOutput) {
      const line = [program, ...args].join(' ');
      log.push(line);
      const output = runs[line];
      if (output === undefined) return { ok: false, kind: 'absent', message: `${program} is not installed` };
      if (typeof output !== 'string') return output;
      const bytes = Buffer.from(output);
      if (bytes.length > 0) onOutput(bytes);
      return { ok: true, stderr: '', bytes: bytes.length };
    },
    async read(path) {
      const file = files[path];
      if (file === undefined) return { ok: false, kind: 'absent', message: `${path} does not exist` };
      return typeof file === 'string' ? { ok: true, bytes: Buffer.from(file) } : file;
    },
    async list(path) {
      return folders[path] ?? { ok: false, kind: 'absent', message: `${path} does not exist` };
    },
    async get(url) {
      return answers[url] ?? { ok: false, kind: 'absent', message: `GET ${url}: nobody to ask` };
    },
  };
}
