/** Facts that change seldom are read seldom: reading must cost next to nothing of the node. */

/**
 * Reads at most once in so many seconds; in between the last answer stands, a failure too.
 * @param monotonicMs milliseconds that never go back, `performance.now()`.
 */
export function atMostEvery<T>(seconds: number, monotonicMs: () => number, read: () => Promise<T>): () => Promise<T> {
  let last: { readonly atMs: number; readonly answer: T } | null = null;
  return async () => {
    const atMs = monotonicMs();
    if (last === null || atMs - last.atMs >= seconds * 1000) last = { atMs, answer: await read() };
    return last.answer;
  };
}
