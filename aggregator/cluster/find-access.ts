/** The way to the API server by kubectl's rules: a kubeconfig that is named, the usual ones, else the pod's own account. */
import { existsSync } from 'node:fs';
import type { FoundAccess } from './api-access.ts';
import { inClusterAccess, serviceAccountFolder } from './in-cluster.ts';
import { kubeconfigAccess } from './kubeconfig.ts';

export interface AccessWishes {
  /** `--kubeconfig`; null when not given. */
  readonly kubeconfig: string | null;
  /** `--context`; null when not given. */
  readonly context: string | null;
  readonly environment: AccessEnvironment;
}

/** The variables that kubectl heeds. */
export interface AccessEnvironment {
  readonly KUBECONFIG?: string | undefined;
  readonly HOME?: string | undefined;
  readonly KUBERNETES_SERVICE_HOST?: string | undefined;
  readonly KUBERNETES_SERVICE_PORT?: string | undefined;
}

/** @param monotonic milliseconds, for the age of tokens. */
export async function findAccess(wishes: AccessWishes, monotonic: () => number): Promise<FoundAccess> {
  const { kubeconfig, context, environment } = wishes;
  if (kubeconfig !== null) return kubeconfigAccess({ files: [kubeconfig], context });
  const listed = environment.KUBECONFIG?.split(':').filter((file) => file !== '') ?? [];
  const usual = environment.HOME ? [`${environment.HOME}/.kube/config`] : [];
  const files = listed.length > 0 ? listed : usual;
  if (files.some((file) => existsSync(file))) return kubeconfigAccess({ files, context });
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (context === null && host && port && existsSync(`${serviceAccountFolder}/token`)) {
    return { ok: true, access: inClusterAccess({ host, port, folder: serviceAccountFolder }, monotonic) };
  }
  const looked = files.length === 0 ? 'neither KUBECONFIG nor HOME is set' : `there is no ${files.join(', ')}`;
  const message = `no kubeconfig was found (${looked}), and this is no pod with a service account`;
  return { ok: false, message, isNowhere: true };
}
