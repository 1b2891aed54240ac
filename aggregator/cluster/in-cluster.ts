/**
 * The service account of the pod this runs in.
 * https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/#directly-accessing-the-rest-api
 * kubelet replaces the token well before it expires, so it is read again every minute.
 */
import { readFile } from 'node:fs/promises';
import { type ApiAccess, type Credentials, causeText } from './api-access.ts';

export const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
const rereadMs = 60_000;

export interface InClusterPlace {
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
  readonly host: string;
  readonly port: string;
  /** Where `token` and `ca.crt` lie. */
  readonly folder: string;
}

/** @param monotonic milliseconds, for the age of what was read. */
export function inClusterAccess({ host, port, folder }: InClusterPlace, monotonic: () => number): ApiAccess {
  let held: { readonly at: number; readonly credentials: Credentials } | null = null;
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async current() {
      if (held !== null && monotonic() - held.at < rereadMs) return held.credentials;
      try {
        const [token, ca] = await Promise.all([
          readFile(`${folder}/token`, 'utf8'),
          readFile(`${folder}/ca.crt`, 'utf8'),
        ]);
        const headers = { authorization: `Bearer ${token.trim()}` };
        held = { at: monotonic(), credentials: { ok: true, headers, tls: { ca }, proxy: null } };
        return held.credentials;
      } catch (cause) {
        return { ok: false, message: `the service account in ${folder} cannot be read: ${causeText(cause)}` };
      }
    },
    renew() {
      held = null;
    },
  };
}
