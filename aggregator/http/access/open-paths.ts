/**
 * What anybody may have without showing who they are, because it holds nothing of the cluster: health, and the page's
 * shell and files, which get all that they show from the API.
 */

/** Where the page's shell is served: its own script shows what the path names. As fastify writes routes. */
export const pagePaths = [
  '/',
  '/findings',
  '/findings/:fingerprint',
  '/nodes',
  '/nodes/:name',
  '/services',
  '/services/:namespace/:name',
  '/trace',
  '/matrix',
  '/checks',
  '/checks/:id',
  '/login',
] as const;

/** The page's scripts and styles. */
export const assetPath = '/assets/:file';

/** How the page comes to a session and out of it again: POST. */
export const loginPath = '/login';
export const logoutPath = '/logout';

/** For kubelet. They are answered under any load, too. */
export const healthPaths = ['/livez', '/readyz'] as const;

const open: ReadonlySet<string> = new Set([...pagePaths, assetPath, loginPath, logoutPath, ...healthPaths]);

/** @param route as fastify writes it: `/nodes/:name`. */
export function isOpen(route: string): boolean {
  return open.has(route);
}
