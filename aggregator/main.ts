/** The aggregator: wiring only, and the only reader of arguments and environment. */
import packageJson from '../package.json' with { type: 'json' };
import { IssuedCertificates } from './certificates/issued-certificates.ts';
import { checks } from './checks/index.ts';
import { largestPacketTo } from './checks/shared/largest-packet.ts';
import { reviewAccess } from './cluster/access-review.ts';
import { ApiClient } from './cluster/api-client.ts';
import { httpTransport } from './cluster/api-transport.ts';
import { ClusterStore } from './cluster/cluster-store.ts';
import { findAccess } from './cluster/find-access.ts';
import { keeperOf } from './cluster/kept-object.ts';
import { systemTiming } from './cluster/timing.ts';
import { reviewToken } from './cluster/token-review.ts';
import { type AggregatorConfig, agentLabels, aggregatorHelp, type Endpoint, readConfig } from './config.ts';
import { Engine } from './engine/engine.ts';
import type { AccessOptions } from './http/access/options.ts';
import { HttpServer } from './http/server.ts';
import type { ListenerOptions } from './ingest/listener.ts';
import { IngestServer } from './ingest/server.ts';
import { CertificateFiles } from './ingest/tls-files.ts';
import { TokenAuthenticator } from './ingest/token-authenticator.ts';
import { JournalError } from './journal/journal-error.ts';
import { openJournal } from './journal/open-journal.ts';
import type { SqliteJournal } from './journal/sqlite-journal.ts';
import { jsonLog, type Log } from './log.ts';
import type { Journal } from './model/lifecycle.ts';
import type { Figure } from './model/record.ts';
import type { ServerCertificates } from './model/server-certificates.ts';
import { snapshotsOf } from './snapshot/snapshot.ts';

const { now, monotonic, later } = systemTiming;
const hourMs = 3_600_000;
/** All of a stop must be done in this time; Kubernetes gives 30 s. */
const stopWithinMs = 20_000;

const [command, ...rest] = process.argv.slice(2);
const args = command === undefined || command === 'aggregator' ? rest : [command, ...rest];
const outcome = readConfig(args, process.env);
switch (outcome.kind) {
  case 'run':
    await run(outcome.config);
    break;
  case 'probe':
    process.exitCode = await probe(outcome.what, outcome.http);
    break;
  case 'help':
    process.stdout.write(aggregatorHelp);
    break;
  case 'version':
    process.stdout.write(`${packageJson.version}\n`);
    break;
  case 'refused':
    process.stderr.write(
      `plumbline: cannot run the aggregator: ${outcome.message}\nSee plumbline aggregator --help.\n`,
    );
    process.exitCode = 2;
    break;
}

async function run(config: AggregatorConfig): Promise<void> {
  const log = jsonLog(config.logLevel);
  const die = (cause: unknown): never => {
    log.error({ error: cause instanceof Error ? cause.stack : String(cause) }, 'the aggregator failed');
    process.exit(1);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  try {
    await serve(config, log);
  } catch (cause) {
    process.stderr.write(`plumbline: cannot run the aggregator: ${messageOf(cause)}\n`);
    process.exit(2);
  }
}

async function serve(config: AggregatorConfig, log: Log): Promise<void> {
  const access = await findAccess({ ...config, environment: process.env }, monotonic);
  if (!access.ok) throw new Error(access.message);
  const client = new ApiClient(httpTransport(access.access), systemTiming);
  const agents = { namespace: config.identity.namespace, labelSelector: agentLabels };
  const cluster = new ClusterStore({ client, timing: systemTiming, agents, log });
  const { journal, notice } = openJournal({
    folder: config.dataDir,
    now: () => new Date(now()),
    tell: (message) => log.warn({}, message),
  });
  if (notice !== null) log.error({}, notice);
  const engine = new Engine({
    ...{ cluster, journal: endingOnDamage(journal, log), checks, log, now, later },
    largestPacketTo: config.probes === 'all' ? largestPacketTo : null,
  });
  const figures: (() => readonly Figure[])[] = [() => cluster.figures(), () => journal.figures()];
  const certificates = certificatesOf(config, client, log);
  const listeners = listenersOf(config, { client, cluster, certificates });
  const ingest = new IngestServer({ listeners, known: engine, now, monotonic, log });
  figures.push(() => ingest.figures());
  cluster.agentPods.onGone(({ uid }) => ingest.podGone(uid));
  const http = new HttpServer({
    ...{ record: engine, journal, checks, figures, log, now, monotonic },
    version: packageJson.version,
    access: accessOf(config, client),
    takeSnapshot: snapshotsOf({
      ...{ now, version: packageJson.version },
      moment: () => ({ nodes: engine.moments(), findings: engine.findings(), objects: cluster.objects() }),
    }),
  });
  engine.start(ingest);
  cluster.start();
  const cancelUpkeep = keepUp(journal, log);
  // Before anything is waited for: the first process of a container ends by no signal that it does not listen to.
  stopOnSignal(log, async () => {
    cancelUpkeep();
    await Promise.all([http.stop(), ingest.stop(true)]);
    engine.stop();
    await cluster.stop();
    journal.close();
  });
  await ingest.start();
  await http.start(config.http);
  if (config.https !== null && certificates !== null) await http.startTls(config.https, certificates);
}

interface Wiring {
  readonly client: ApiClient;
  readonly cluster: ClusterStore;
  readonly certificates: ServerCertificates | null;
}

/** What agents and people are shown; null where nobody connects over TLS. */
function certificatesOf({ agents }: AggregatorConfig, client: ApiClient, log: Log): ServerCertificates | null {
  if (agents === null) return null;
  const { certificate } = agents;
  switch (certificate.kind) {
    case 'files':
      return new CertificateFiles({ certificateFile: certificate.certFile, keyFile: certificate.keyFile, now, log });
    case 'made': {
      const { secret, configMap, names, advertise } = certificate;
      return new IssuedCertificates({
        secret: keeperOf(client, { kind: 'Secret', ...secret }),
        trust: keeperOf(client, { kind: 'ConfigMap', ...configMap }),
        ...{ names, advertise, now, log },
      });
    }
  }
}

/** How people are recognised, and what they may: the API server says both. */
function accessOf({ auth }: AggregatorConfig, client: ApiClient): AccessOptions {
  if (auth.mode === 'none') return auth;
  return {
    ...auth,
    reviewToken: (token, audiences) => reviewToken(client, token, audiences),
    reviewAccess: (question) => reviewAccess(client, question),
  };
}

/** Where agents come in: TLS with tokens in a cluster, a socket for each node in development. */
function listenersOf(config: AggregatorConfig, { client, cluster, certificates }: Wiring): readonly ListenerOptions[] {
  const options: ListenerOptions[] = config.agentSockets.map(({ node, path }) => ({ kind: 'unix', node, path }));
  const { agents, identity } = config;
  if (agents === null || certificates === null) return options;
  const authenticator = new TokenAuthenticator({
    ...identity,
    reviewToken: (token) => reviewToken(client, token, [identity.audience]),
    pods: cluster.agentPods,
    nodeAddresses: (node) => cluster.nodes.get(node)?.addresses ?? null,
    now,
  });
  options.push({ kind: 'tls', host: agents.host, port: agents.port, certificates, authenticator });
  return options;
}

/**
 * A full or read-only disk may heal, and is tried again. After any other fault what is on disk is known only by opening
 * it anew: the process ends, and its next start checks the file and restores what it must.
 */
function endingOnDamage(journal: SqliteJournal, log: Log): Journal {
  return {
    open: () => journal.open(),
    lastEpisode: (fingerprint) => journal.lastEpisode(fingerprint),
    commit: (entry) => {
      try {
        journal.commit(entry);
      } catch (cause) {
        const mayHeal = cause instanceof JournalError && ['disk-full', 'read-only'].includes(cause.fault);
        if (!mayHeal) {
          log.error({ error: messageOf(cause) }, 'the journal failed; ending, so that the next start checks it');
          process.exit(1);
        }
        throw cause;
      }
    },
    ended: (query) => journal.ended(query),
    find: (fingerprint) => journal.find(fingerprint),
    history: (fingerprint, limit) => journal.history(fingerprint, limit),
    close: () => journal.close(),
  };
}

/** At the start and once an hour: a backup, and what is too old goes. */
function keepUp(journal: SqliteJournal, log: Log): () => void {
  const run = (): void => {
    upkeep(journal, new Date(now())).catch((cause: unknown) => {
      log.error({ error: messageOf(cause) }, 'the upkeep of the journal failed; it is tried again in an hour');
    });
  };
  run();
  const timer = setInterval(run, hourMs);
  return () => clearInterval(timer);
}

async function upkeep(journal: SqliteJournal, at: Date): Promise<void> {
  journal.prune(at);
  await journal.backup(at);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function stopOnSignal(log: Log, stop: () => Promise<void>): void {
  const onSignal = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'stopping');
    setTimeout(() => process.exit(1), stopWithinMs).unref();
    stop().then(
      () => process.exit(0),
      (cause: unknown) => {
        log.error({ error: cause instanceof Error ? cause.stack : String(cause) }, 'the stop went wrong');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    // Whoever started this program may have wanted to end it at once.
    process.removeAllListeners(signal);
    process.once(signal, onSignal);
  }
}

/** @returns the exit code: 0 when the running aggregator says yes. */
async function probe(what: 'livez' | 'readyz', { host, port }: Endpoint): Promise<number> {
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/${what}`;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
    if (answer.ok) return 0;
    process.stderr.write(`plumbline: ${url} answered ${answer.status}\n`);
  } catch (cause) {
    process.stderr.write(`plumbline: ${url} did not answer: ${messageOf(cause)}\n`);
  }
  return 1;
}
