/** What came of reading a message of the other side: its value, or in what it does not fit. */
export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

/** A message that fits. */
export function fits<T>(value: T): Decoded<T> {
  return { ok: true, value };
}

/** A message that does not. */
export function misfit(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message };
}

/** A text of the other side, for an error message: short, and without control characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
