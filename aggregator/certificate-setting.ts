/** Where the server's certificate comes from: files that somebody else renews, or objects of the API that are our own. */

export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

export type CertificateSetting =
  | { readonly kind: 'files'; readonly certFile: string; readonly keyFile: string }
  | {
      readonly kind: 'made';
      /** Has the keys. */
      readonly secret: ObjectName;
      /** Has what agents trust, and where they may come. */
      readonly configMap: ObjectName;
      /** DNS names, one at least. */
      readonly names: readonly string[];
      /** `HOST:PORT` of this pod; null = agents are told none. */
      readonly advertise: string | null;
    };

export interface CertificateWords {
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly secret: string | undefined;
  readonly configMap: string | undefined;
  readonly names: readonly string[];
  readonly advertise: string | undefined;
}

/** The setting, null where none was given, or what is wrong with it. */
export function certificateSetting(words: CertificateWords): CertificateSetting | null | { readonly wrong: string } {
  const { certFile, keyFile, secret, configMap, names, advertise } = words;
  const isOfFiles = certFile !== undefined || keyFile !== undefined;
  const isMade = [secret, configMap, advertise].some((word) => word !== undefined) || names.length > 0;
  if (isOfFiles && isMade)
    return { wrong: 'give --tls-cert-file and --tls-key-file, or --tls-secret and its kin, not both' };
  if (isMade) return madeSetting(words);
  if (!isOfFiles) return null;
  if (certFile === undefined || keyFile === undefined)
    return { wrong: '--tls-cert-file and --tls-key-file belong together' };
  return { kind: 'files', certFile, keyFile };
}

function madeSetting({ secret, configMap, names, advertise }: CertificateWords) {
  if (secret === undefined || configMap === undefined || names.length === 0) {
    return { wrong: '--tls-secret, --tls-config-map and --tls-name belong together' };
  }
  const [ofSecret, ofMap] = [objectName(secret), objectName(configMap)];
  if (ofSecret === null) return { wrong: `--tls-secret ${secret}: NAMESPACE/NAME is wanted` };
  if (ofMap === null) return { wrong: `--tls-config-map ${configMap}: NAMESPACE/NAME is wanted` };
  const strange = names.find((name) => !dnsName.test(name));
  if (strange !== undefined) return { wrong: `--tls-name ${strange} is no DNS name` };
  if (advertise !== undefined && !hostPort.test(advertise)) {
    return { wrong: `--advertise ${advertise}: HOST:PORT is wanted, such as 10.244.1.7:8443 or [fd00::7]:8443` };
  }
  return { kind: 'made', secret: ofSecret, configMap: ofMap, names, advertise: advertise ?? null } as const;
}

const dnsName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const hostPort = /^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\]):\d{1,5}$/;

function objectName(text: string): ObjectName | null {
  const [namespace = '', name = '', more] = text.split('/');
  return dnsName.test(namespace) && dnsName.test(name) && more === undefined ? { namespace, name } : null;
}
