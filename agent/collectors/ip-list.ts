/** What `ip -j ...` prints: one list of objects. */
import type { Part } from '../../proto/parts.ts';
import type { Host } from '../host.ts';

/** Programs are given this long, and may print so much. */
const limits = { deadlineMs: 10_000, maxBytes: 32 * 1024 * 1024 } as const;

/**
 * Runs ip and reads its list.
 * @param args the words behind `ip`.
 * @returns the list; `absent` or `failed` as a part, with a reason.
 */
export async function readIpList(host: Host, args: readonly string[]): Promise<ListRead> {
  return readJsonList(host, 'ip', args);
}

export type ListRead =
  | { readonly state: 'ok'; readonly list: readonly unknown[] }
  | Exclude<Part<never>, { readonly state: 'ok' }>;

/** The same of bridge, whose lists have the same form. */
export async function readJsonList(host: Host, program: 'ip' | 'bridge', args: readonly string[]): Promise<ListRead> {
  const pieces: Uint8Array[] = [];
  const result = await host.run({ program, args, ...limits }, (piece) => pieces.push(Uint8Array.from(piece)));
  if (!result.ok) {
    return result.kind === 'absent' ? { state: 'absent' } : { state: 'failed', reason: result.message };
  }
  const list = parseList(Buffer.concat(pieces).toString('utf8'));
  return list === null ? { state: 'failed', reason: notAList(args, program) } : { state: 'ok', list };
}

/** The reason of a failed part. */
export function notAList(args: readonly string[], program = 'ip'): string {
  return `${program} ${args.join(' ')} printed something else than its list`;
}

/** A member of an object; undefined of anything else. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

/** ip leaves an empty object where a thing went away while it was listing. */
export function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

function parseList(text: string): readonly unknown[] | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed : null;
  } catch {
    return null;
  }
}
