/** What was read last at each path: shown at once when somebody comes back, while it is read anew. */

/** So many paths; what was not looked at for longest goes first. */
const most = 40;
const kept = new Map<string, unknown>();

export function remember(path: string, value: unknown): void {
  kept.delete(path);
  kept.set(path, value);
  const [oldest] = kept.keys();
  if (kept.size > most && oldest !== undefined) kept.delete(oldest);
}

/** @returns what was remembered under this path, which is always of one form; null where there is nothing. */
export function remembered<T>(path: string): T | null {
  const value = kept.get(path);
  return value === undefined ? null : Object(value);
}

export function forget(): void {
  kept.clear();
}
