/** What of the API is not watched and tells much of a cluster in trouble: the configuration of CoreDNS. */
import type { ApiClient } from '../cluster/api-client.ts';
import { apiErrorText } from '../cluster/api-error.ts';
import { recordOf } from '../cluster/json-record.ts';
import { withoutSecretLines } from '../cluster/secrets.ts';
import type { SnapshotFile } from '../model/moment.ts';
import { jsonFile } from './node-files.ts';

/** A file that is not there, or not whole, and why. */
export interface LeftOut {
  readonly file: string;
  readonly because: string;
}

export interface ApiExtras {
  readonly files: readonly SnapshotFile[];
  readonly leftOut: readonly LeftOut[];
}

const corednsPath = '/api/v1/namespaces/kube-system/configmaps/coredns';
const corednsFile = 'api/configmap-coredns.json';

type Client = Pick<ApiClient, 'get'>;

/** Asked for with each snapshot; what is not permitted is left out. */
export async function apiExtras(client: Client, signal: AbortSignal): Promise<ApiExtras> {
  const answer = await client.get(corednsPath, signal);
  if (!answer.ok) return without(corednsFile, apiErrorText(answer.error));
  const { Corefile } = recordOf(recordOf(answer.value).data);
  if (typeof Corefile !== 'string') return without(corednsFile, 'the ConfigMap holds no Corefile');
  const map = {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { namespace: 'kube-system', name: 'coredns' },
    data: { Corefile: withoutSecretLines(Corefile) },
  };
  return { files: [jsonFile(corednsFile, map)], leftOut: [] };
}

function without(file: string, because: string): ApiExtras {
  return { files: [], leftOut: [{ file, because }] };
}
