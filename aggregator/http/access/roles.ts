/** Which ClusterRole of the chart gives which path: for people who were refused. */

/** Its name where the release is called `plumbline`; else the release's name stands before it. */
export function roleOf(path: string): string {
  if (path === '/metrics') return 'plumbline-metrics';
  if (path === '/api/v1/snapshot') return 'plumbline-snapshot';
  return 'plumbline-viewer';
}
