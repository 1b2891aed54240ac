/**
 * A path has one spelling here. What could be spelt in two ways (`%6eodes`, `a/../b`, `//`, `;x`) is refused, so that the
 * path that is routed is letter for letter the path that the API server is asked about: no rule is passed by writing
 * the same path in another way.
 */

const plain = /^(?:\/[A-Za-z0-9._~:@-]*)+$/;
const climbing = /\/\.{1,2}(?:\/|$)/;

/** The path of a request's target, up to its query, as it came. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

/** Whether a path can mean one thing only. */
export function isPlain(path: string): boolean {
  return plain.test(path) && !path.includes('//') && !climbing.test(path);
}
