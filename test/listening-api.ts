/** The stand-in API server over HTTP or HTTPS on loopback, and kubeconfigs for it; all removed at the end of each test. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { systemTiming } from '../aggregator/cluster/timing.ts';
import { type ListenPlace, listen } from '../cli/demo/api-server/listen.ts';
import { ApiStandIn, type StandInOptions } from '../cli/demo/api-server/stand-in.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Runs when the test is over. */
export function afterwards(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

export async function listeningApi(
  options: Partial<StandInOptions> = {},
  place: ListenPlace = {},
): Promise<{ readonly api: ApiStandIn; readonly url: string }> {
  const api = new ApiStandIn({ timing: systemTiming, ...options });
  const listening = await listen(api, place);
  afterwards(() => listening.close());
  return { api, url: listening.url };
}

/** A folder of its own. */
export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'plumbline-test-'));
  afterwards(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface KubeconfigSketch {
  readonly server: string;
  readonly cluster?: Readonly<Record<string, unknown>>;
  readonly user?: Readonly<Record<string, unknown>>;
  /** The current context; `lab` unless said, empty for none. */
  readonly current?: string;
}

/** The text of one with the context `lab`. */
export function kubeconfigText({ server, cluster = {}, user = {}, current = 'lab' }: KubeconfigSketch): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'cluster-of-lab', cluster: { server, ...cluster } }],
    users: [{ name: 'user-of-lab', user }],
    contexts: [{ name: 'lab', context: { cluster: 'cluster-of-lab', user: 'user-of-lab' } }],
    'current-context': current,
  });
}

/** The path of such a file. */
export function kubeconfigFile(sketch: KubeconfigSketch): string {
  const file = join(emptyFolder(), 'kubeconfig');
  writeFileSync(file, kubeconfigText(sketch));
  return file;
}

/** A token that the API server itself takes. */
export function userToken(token: string): Parameters<ApiStandIn['addToken']>[0] {
  return { token, username: 'jane', uid: 'uid-of-jane', groups: [], extra: {}, audiences: [], pod: null };
}
