/** Names for completion out of a running aggregator: one request, soon answered or not at all, and never a complaint. */
import type { FindingJson } from '../../aggregator/http/schemas/finding.ts';
import type { NodeJson } from '../../aggregator/http/schemas/node.ts';
import type { ServiceJson } from '../../aggregator/http/schemas/service.ts';
import { subjectText } from '../../aggregator/model/finding.ts';
import { urlOf } from '../api/client.ts';
import { type Connection, connect, type Surroundings } from '../api/connection.ts';
import { readFinding, readNode, readPage, type Reader, readService } from '../api/documents.ts';
import type { ServerOptions } from '../api/server-option.ts';
import type { AskNames, Candidate, LiveKind } from './candidates.ts';

/** One page of the API; who has more types a few letters of the name first, and sees those of the first page. */
const most = '500';

/** @param deadlineMs from the first byte to the last. */
export function liveNames(context: Surroundings, deadlineMs: number): AskNames {
  return async (kind, given) => {
    const signal = AbortSignal.timeout(deadlineMs);
    const tooLate = new Promise<readonly Candidate[]>((resolve) => {
      signal.addEventListener('abort', () => resolve([]), { once: true });
    });
    const asked = names(kind, { given, context, signal }).catch(() => []);
    return (await Promise.race([asked, tooLate])).filter(({ word }) => isHarmless(word));
  };
}

interface Asking {
  readonly given: ReadonlyMap<string, string>;
  readonly context: Surroundings;
  readonly signal: AbortSignal;
}

async function names(kind: LiveKind, { given, context, signal }: Asking): Promise<readonly Candidate[]> {
  const connection = await connect(serverOptions(given), context, signal);
  if (!connection.ok) return [];
  try {
    return await namesOf(kind, { connection: connection.value, signal, namespace: given.get('namespace') });
  } finally {
    await connection.value.close();
  }
}

function serverOptions(given: ReadonlyMap<string, string>): ServerOptions {
  const names = ['server', 'tokenFile', 'kubeconfig', 'context', 'plumblineNamespace'] as const;
  return Object.fromEntries(names.flatMap((name) => (given.has(name) ? [[name, given.get(name)]] : [])));
}

interface Place {
  readonly connection: Connection;
  readonly signal: AbortSignal;
  /** `-n`, where it was given. */
  readonly namespace: string | undefined;
}

async function namesOf(kind: LiveKind, place: Place): Promise<readonly Candidate[]> {
  switch (kind) {
    case 'nodes':
      return (await firstPage<NodeJson>(place, 'nodes', readNode)).map(({ name, state }) => ({
        word: name,
        description: state,
      }));
    case 'findings':
      return (await firstPage<FindingJson>(place, 'findings', readFinding)).map((finding) => ({
        word: finding.fingerprint,
        description: `${finding.severity} ${finding.check} ${finding.node ?? '(cluster)'} ${subjectText(finding.subject)}`,
      }));
    case 'services': {
      const inside = place.namespace;
      const services = await firstPage<ServiceJson>(place, 'services', readService);
      return services.map(({ namespace, name, type }) => ({
        word: inside === undefined ? `${namespace}/${name}` : name,
        description: type,
      }));
    }
    case 'namespaces': {
      const services = await firstPage<ServiceJson>({ ...place, namespace: undefined }, 'services', readService);
      return [...new Set(services.map(({ namespace }) => namespace))].map((word) => ({ word, description: '' }));
    }
  }
}

async function firstPage<T>({ connection, signal, namespace }: Place, path: string, read: Reader<T>) {
  const within = namespace === undefined || path === 'nodes' ? [] : [['namespace', namespace] as const];
  const url = urlOf(connection.url, `api/v1/${path}`, [...within, ['limit', most]]);
  const response = await connection.request(url, { signal });
  const page = response.status === 200 ? readPage(await response.json()) : null;
  return (page?.items ?? []).flatMap((value) => {
    const item = read(value);
    return item === null ? [] : [item];
  });
}

/** A shell puts the word into a command line: there it must not be anything else than a name. */
function isHarmless(word: string): boolean {
  return /^[\w][\w./-]*$/.test(word);
}
