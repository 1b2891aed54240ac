/**
 * Access by kubeconfig files, read by the Kubernetes client library, which also runs their exec plugins.
 * https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 * The library is large, so it is loaded only when there is a kubeconfig; and nothing but configuration is taken from it.
 */
import { existsSync } from 'node:fs';
import type { KubeConfig } from '@kubernetes/client-node';
import { type ApiAccess, type Credentials, causeText, type FoundAccess, type TlsMaterial } from './api-access.ts';

/** Options of a request; the library fills those of a WebSocket, too, which have less. */
type HttpsOptions = Extract<Parameters<KubeConfig['applyToHTTPSOptions']>[0], { readonly auth?: unknown }>;

export interface KubeconfigPlace {
  /** Merged as kubectl does: the first to say something wins, and a file that is not there is passed over. */
  readonly files: readonly string[];
  /** null: the files' current context. */
  readonly context: string | null;
}

/** Reads the files and finds the context's server. */
export async function kubeconfigAccess(place: KubeconfigPlace): Promise<FoundAccess> {
  const first = await load(place);
  if (!first.ok) return first;
  const { server, proxyUrl = null } = first.cluster;
  let config: KubeConfig | null = first.config;
  const access: ApiAccess = {
    server,
    async current() {
      if (config === null) {
        const again = await load(place);
        if (!again.ok) return again;
        config = again.config;
      }
      return credentialsOf(config, proxyUrl);
    },
    renew() {
      config = null;
    },
  };
  return { ok: true, access };
}

type Loaded =
  | { readonly ok: true; readonly config: KubeConfig; readonly cluster: ClusterEntry }
  | { readonly ok: false; readonly message: string };
type ClusterEntry = ReturnType<KubeConfig['getClusters']>[number];

async function load({ files, context }: KubeconfigPlace): Promise<Loaded> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const parts: KubeConfig[] = [];
  for (const file of files.filter((name) => existsSync(name))) {
    const part = new KubeConfig();
    try {
      part.loadFromFile(file);
    } catch (cause) {
      return { ok: false, message: `${file} is no kubeconfig: ${causeText(cause)}` };
    }
    parts.push(part);
  }
  if (parts.length === 0) return { ok: false, message: `${files.join(', ')}: no such file` };
  const config = new KubeConfig();
  config.loadFromOptions({
    // The library wants plain HTTP to be called insecure; it is, and the user wrote it.
    clusters: firstOfEachName(parts.map((part) => part.getClusters())).map((cluster) =>
      cluster.server.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster,
    ),
    users: firstOfEachName(parts.map((part) => part.getUsers())),
    contexts: firstOfEachName(parts.map((part) => part.getContexts())),
    currentContext: context ?? parts.map((part) => part.getCurrentContext()).find((name) => name) ?? '',
  });
  return withCluster(config, files);
}

function withCluster(config: KubeConfig, files: readonly string[]): Loaded {
  const where = files.join(', ');
  const name = config.getCurrentContext();
  const known = config.getContexts().map((one) => one.name);
  const choice = known.length === 0 ? 'there is none' : `there is ${known.join(', ')}`;
  if (name === '') return { ok: false, message: `${where} says no current context (${choice})` };
  if (!known.includes(name)) return { ok: false, message: `${where} has no context ${name} (${choice})` };
  const cluster = config.getCurrentCluster();
  if (cluster === null) return { ok: false, message: `${where} does not say the cluster of context ${name}` };
  if (!URL.canParse(cluster.server)) return { ok: false, message: `${where}: server ${cluster.server} is no URL` };
  if (cluster.proxyUrl?.startsWith('socks')) {
    return { ok: false, message: `${where}: a SOCKS proxy (${cluster.proxyUrl}) is not supported` };
  }
  return { ok: true, config, cluster };
}

function firstOfEachName<T extends { readonly name: string }>(lists: readonly (readonly T[])[]): readonly T[] {
  const byName = new Map<string, T>();
  for (const entry of lists.flat()) if (!byName.has(entry.name)) byName.set(entry.name, entry);
  return [...byName.values()];
}

async function credentialsOf(
  config: KubeConfig,
  proxy: string | null,
): Promise<Credentials | { ok: false; message: string }> {
  const options: HttpsOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (cause) {
    return { ok: false, message: `the kubeconfig's credentials cannot be had: ${causeText(cause)}` };
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = String(value).trim();
  if (typeof options.auth === 'string') {
    headers.authorization ??= `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return { ok: true, headers, tls: tlsOf(options), proxy };
}

function tlsOf(options: HttpsOptions): TlsMaterial {
  const { ca, cert, key, rejectUnauthorized } = options;
  const servername = 'servername' in options ? options.servername : undefined;
  return {
    ...(ca ? { ca: String(ca) } : {}),
    ...(cert ? { cert: String(cert) } : {}),
    ...(key ? { key: String(key) } : {}),
    ...(typeof servername === 'string' ? { servername } : {}),
    ...(rejectUnauthorized === false ? { rejectUnauthorized } : {}),
  };
}
