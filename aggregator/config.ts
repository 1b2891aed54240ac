/**
 * The aggregator's settings: from arguments, else from the environment, else a default that is right for most clusters.
 * Few on purpose; an unknown one refuses to start.
 */
import { parseArgs } from 'node:util';
import { type CertificateSetting, certificateSetting } from './certificate-setting.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface AggregatorConfig {
  /** Where agents connect over TLS; null = only by sockets. */
  readonly agents: (Endpoint & { readonly certificate: CertificateSetting }) | null;
  /** Development: one unix socket per node, whose name the socket vouches for. */
  readonly agentSockets: readonly { readonly node: string; readonly path: string }[];
  readonly http: Endpoint;
  /** The same with TLS, by the certificate that agents see; null = not. */
  readonly https: Endpoint | null;
  /** Whether people must say who they are, and the audience of tokens made for this. */
  readonly auth: { readonly mode: 'none' } | { readonly mode: 'kubernetes'; readonly audience: string };
  /** The folder of the journal. */
  readonly dataDir: string;
  /** Null = kubectl's default rules, or the service account of the pod. */
  readonly kubeconfig: string | null;
  readonly context: string | null;
  readonly identity: {
    readonly audience: string;
    readonly namespace: string;
    readonly serviceAccount: string;
    readonly daemonSet: string;
  };
  /** Whether agents are told to probe each other. */
  readonly probes: 'all' | 'none';
  readonly logLevel: (typeof logLevels)[number];
}

export type ConfigOutcome =
  | { readonly kind: 'run'; readonly config: AggregatorConfig }
  /** Ask the running aggregator's own health address and end with its answer. */
  | { readonly kind: 'probe'; readonly what: 'livez' | 'readyz'; readonly http: Endpoint }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'refused'; readonly message: string };

/** Selects the pods that the chart's DaemonSet makes; whose a token is, its account and DaemonSet decide. */
export const agentLabels = 'app.kubernetes.io/name=plumbline,app.kubernetes.io/component=agent';

const logLevels = ['debug', 'info', 'warn', 'error'] as const;

export const aggregatorHelp = `Usage: plumbline aggregator [options]

Watches the API, hears the agents, judges, and serves what it found.

  --listen-grpc HOST:PORT        where agents connect, over TLS (needs a certificate: two
                                 files, or a Secret to make its own in)
  --tls-cert-file FILE           server certificate, PEM; read again when it changes
  --tls-key-file FILE            its key, PEM
  --tls-secret NS/NAME           where it keeps the certificates that it makes and renews
  --tls-config-map NS/NAME       where it tells agents what to trust
  --tls-name DNS                 a name in the certificate; repeats
  --advertise HOST:PORT          this pod's address, told to agents in the ConfigMap
  --agent-socket NODE=PATH       development: a unix socket for one node's agent; repeats
  --listen-http HOST:PORT        page, API, metrics and health (127.0.0.1:8080; loopback
                                 only, since tokens would travel in the clear)
  --listen-https HOST:PORT       the same over TLS, with the certificate of --listen-grpc
  --auth kubernetes|none         who may ask is the API server's to say (kubernetes), or
                                 nobody's: for a machine of your own, without --listen-https
  --http-audience NAME           audience of people's tokens (plumbline-http); one without it
                                 is held against the API server's own
  --data-dir DIR                 the journal's folder (./plumbline-data)
  --kubeconfig FILE              as kubectl takes it; in a pod its service account is used
  --context NAME                 a context of the kubeconfig
  --audience NAME                audience of the agents' tokens (plumbline)
  --agent-service-account NS/NAME  whose tokens are taken (plumbline/plumbline-agent)
  --agent-daemonset NAME         whose pods are taken for agents (plumbline-agent)
  --probes all|none              have agents probe each other, or not (all)
  --log-level LEVEL              debug, info, warn or error (info)
  --probe livez|readyz           ask a running aggregator, exit 0 or 1
  --help, --version

Each can be set in the environment: PLUMBLINE_LISTEN_HTTP for --listen-http, and so on.

Examples:
  plumbline aggregator --kubeconfig ~/.kube/config --agent-socket node-a=/run/plumbline/node-a.sock
  curl http://127.0.0.1:8080/api/v1/findings
`;

const options = {
  'listen-grpc': { type: 'string' },
  'tls-cert-file': { type: 'string' },
  'tls-key-file': { type: 'string' },
  'tls-secret': { type: 'string' },
  'tls-config-map': { type: 'string' },
  'tls-name': { type: 'string', multiple: true },
  advertise: { type: 'string' },
  'agent-socket': { type: 'string', multiple: true },
  'listen-http': { type: 'string' },
  'listen-https': { type: 'string' },
  auth: { type: 'string' },
  'http-audience': { type: 'string' },
  'data-dir': { type: 'string' },
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  audience: { type: 'string' },
  'agent-service-account': { type: 'string' },
  'agent-daemonset': { type: 'string' },
  probes: { type: 'string' },
  'log-level': { type: 'string' },
  probe: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

type Setting = Exclude<keyof typeof options, 'help' | 'version' | 'agent-socket' | 'tls-name'>;

/** Environment variables of the family that are somebody else's. */
const othersVariables = ['PLUMBLINE_SERVER', 'PLUMBLINE_TOKEN_FILE', 'PLUMBLINE_NAMESPACE', 'PLUMBLINE_AGGREGATOR'];

/**
 * Reads the settings.
 * @param args without the program's name and command.
 */
export function readConfig(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ConfigOutcome {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (cause) {
    return refuse(cause instanceof Error ? cause.message : String(cause));
  }
  const { values } = parsed;
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  const stranger = Object.keys(environment).find((name) => isStrange(name));
  if (stranger !== undefined) return refuse(`there is no setting ${stranger}`);
  const settingOf = (name: Setting): string | undefined => values[name] ?? (environment[variableOf(name)] || undefined);
  const several = (name: 'agent-socket' | 'tls-name') =>
    (values[name] ?? environment[variableOf(name)]?.split(',') ?? []).filter((text) => text !== '');
  try {
    return outcomeOf(settingOf, { sockets: several('agent-socket'), names: several('tls-name') });
  } catch (cause) {
    if (cause instanceof BadSetting) return refuse(cause.message);
    throw cause;
  }
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options, strict: true, allowPositionals: false });
}

class BadSetting extends Error {}

interface Several {
  readonly sockets: readonly string[];
  readonly names: readonly string[];
}

function outcomeOf(settingOf: (name: Setting) => string | undefined, { sockets, names }: Several): ConfigOutcome {
  const http = endpointOf('listen-http', settingOf('listen-http') ?? '127.0.0.1:8080');
  if (!isLoopback(http.host)) {
    throw new BadSetting(
      `--listen-http ${http.host} is not a loopback address, and tokens would travel in the clear: use --listen-https`,
    );
  }
  const probe = settingOf('probe');
  if (probe !== undefined) return { kind: 'probe', what: oneOf('probe', probe, ['livez', 'readyz']), http };
  const agents = agentsOf(settingOf, names);
  const agentSockets = sockets.map(socketOf);
  if (agents === null && agentSockets.length === 0) {
    throw new BadSetting('agents could not connect: give --listen-grpc with a certificate, or --agent-socket');
  }
  return {
    kind: 'run',
    config: {
      agents,
      agentSockets,
      http,
      https: httpsOf(settingOf),
      auth: authOf(settingOf),
      dataDir: settingOf('data-dir') ?? 'plumbline-data',
      kubeconfig: settingOf('kubeconfig') ?? null,
      context: settingOf('context') ?? null,
      identity: identityOf(settingOf),
      probes: oneOf('probes', settingOf('probes') ?? 'all', ['all', 'none']),
      logLevel: oneOf('log-level', settingOf('log-level') ?? 'info', logLevels),
    },
  };
}

function httpsOf(settingOf: (name: Setting) => string | undefined): Endpoint | null {
  const listen = settingOf('listen-https');
  if (listen === undefined) return null;
  if (settingOf('listen-grpc') === undefined) {
    throw new BadSetting('--listen-https needs --listen-grpc: it shows the same certificate');
  }
  if (settingOf('auth') === 'none') {
    throw new BadSetting('--auth none is for --listen-http alone: anybody could read what --listen-https shows');
  }
  return endpointOf('listen-https', listen);
}

function authOf(settingOf: (name: Setting) => string | undefined): AggregatorConfig['auth'] {
  const mode = oneOf('auth', settingOf('auth') ?? 'kubernetes', ['kubernetes', 'none']);
  const audience = settingOf('http-audience') ?? 'plumbline-http';
  if (audience === (settingOf('audience') ?? 'plumbline')) {
    throw new BadSetting(`--http-audience ${audience} is that of agents, whose tokens must open nothing here`);
  }
  return mode === 'none' ? { mode } : { mode, audience };
}

function identityOf(settingOf: (name: Setting) => string | undefined): AggregatorConfig['identity'] {
  const account = settingOf('agent-service-account') ?? 'plumbline/plumbline-agent';
  const [namespace = '', serviceAccount = '', more] = account.split('/');
  if (namespace === '' || serviceAccount === '' || more !== undefined) {
    throw new BadSetting(`--agent-service-account ${account}: NAMESPACE/NAME is wanted`);
  }
  return {
    audience: settingOf('audience') ?? 'plumbline',
    namespace,
    serviceAccount,
    daemonSet: settingOf('agent-daemonset') ?? 'plumbline-agent',
  };
}

function agentsOf(
  settingOf: (name: Setting) => string | undefined,
  names: readonly string[],
): AggregatorConfig['agents'] {
  const listen = settingOf('listen-grpc');
  const certificate = certificateSetting({
    certFile: settingOf('tls-cert-file'),
    keyFile: settingOf('tls-key-file'),
    secret: settingOf('tls-secret'),
    configMap: settingOf('tls-config-map'),
    names,
    advertise: settingOf('advertise'),
  });
  if (certificate !== null && 'wrong' in certificate) throw new BadSetting(certificate.wrong);
  if (listen === undefined) {
    if (certificate === null) return null;
    throw new BadSetting('a certificate is of no use without --listen-grpc');
  }
  if (certificate === null) {
    throw new BadSetting(
      '--listen-grpc needs a certificate, since agents send tokens over it: --tls-cert-file and --tls-key-file, or --tls-secret, --tls-config-map and --tls-name',
    );
  }
  return { ...endpointOf('listen-grpc', listen), certificate };
}

function socketOf(text: string): AggregatorConfig['agentSockets'][number] {
  const equals = text.indexOf('=');
  const [node, path] = [text.slice(0, equals), text.slice(equals + 1)];
  if (equals <= 0 || path === '') throw new BadSetting(`--agent-socket ${text}: NODE=PATH is wanted`);
  return { node, path };
}

function endpointOf(name: Setting, text: string): Endpoint {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(text.slice(colon + 1));
  if (colon <= 0 || !Number.isInteger(port) || port < 0 || port > 65_535 || text.endsWith(':')) {
    throw new BadSetting(`--${name} ${text}: HOST:PORT is wanted`);
  }
  return { host, port };
}

function oneOf<T extends string>(name: Setting, text: string, words: readonly T[]): T {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new BadSetting(`--${name} ${text}: one of ${words.join(', ')} is wanted`);
  return found;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function variableOf(name: string): string {
  return `PLUMBLINE_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** A misspelt setting would otherwise be no setting at all. Kubernetes itself sets PLUMBLINE_..._SERVICE_HOST and _PORT. */
function isStrange(name: string): boolean {
  if (!name.startsWith('PLUMBLINE_') || othersVariables.includes(name)) return false;
  if (/_SERVICE_(HOST|PORT)|_PORT(_|$)/.test(name)) return false;
  return !Object.keys(options).some((option) => variableOf(option) === name);
}

function refuse(message: string): ConfigOutcome {
  return { kind: 'refused', message };
}
