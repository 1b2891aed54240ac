/**
 * The aggregator's settings: from arguments, else from the environment, else a default that is right for most clusters.
 * Few on purpose; an unknown one refuses to start.
 */
import { parseArgs } from 'node:util';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface AggregatorConfig {
  /** Where agents connect over TLS; null = only by sockets. */
  readonly agents: (Endpoint & { readonly certFile: string; readonly keyFile: string }) | null;
  /** Development: one unix socket per node, whose name the socket vouches for. */
  readonly agentSockets: readonly { readonly node: string; readonly path: string }[];
  readonly http: Endpoint;
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

  --listen-grpc HOST:PORT        where agents connect, over TLS (needs both files below)
  --tls-cert-file FILE           server certificate, PEM; read again when it changes
  --tls-key-file FILE            its key, PEM
  --agent-socket NODE=PATH       development: a unix socket for one node's agent; repeats
  --listen-http HOST:PORT        API, metrics and health (127.0.0.1:8080; loopback only,
                                 since requests are not authenticated yet)
  --data-dir DIR                 the journal's folder (./plumbline-data)
  --kubeconfig FILE              as kubectl takes it; in a pod its service account is used
  --context NAME                 a context of the kubeconfig
  --audience NAME                audience of the agents' tokens (plumbline)
  --agent-service-account NS/NAME  whose tokens are taken (plumbline/plumbline-agent)
  --agent-daemonset NAME         whose pods are taken for agents (plumbline-agent)
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
  'agent-socket': { type: 'string', multiple: true },
  'listen-http': { type: 'string' },
  'data-dir': { type: 'string' },
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  audience: { type: 'string' },
  'agent-service-account': { type: 'string' },
  'agent-daemonset': { type: 'string' },
  'log-level': { type: 'string' },
  probe: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

type Setting = Exclude<keyof typeof options, 'help' | 'version' | 'agent-socket'>;

/** Environment variables of the family that are somebody else's. */
const othersVariables = ['PLUMBLINE_SERVER', 'PLUMBLINE_AGGREGATOR'];

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
  const sockets = values['agent-socket'] ?? environment.PLUMBLINE_AGENT_SOCKET?.split(',') ?? [];
  try {
    return outcomeOf(settingOf, sockets);
  } catch (cause) {
    if (cause instanceof BadSetting) return refuse(cause.message);
    throw cause;
  }
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options, strict: true, allowPositionals: false });
}

class BadSetting extends Error {}

function outcomeOf(settingOf: (name: Setting) => string | undefined, sockets: readonly string[]): ConfigOutcome {
  const http = endpointOf('listen-http', settingOf('listen-http') ?? '127.0.0.1:8080');
  if (!isLoopback(http.host)) {
    throw new BadSetting(
      `--listen-http ${http.host} is not a loopback address, and requests are not authenticated yet`,
    );
  }
  const probe = settingOf('probe');
  if (probe !== undefined) return { kind: 'probe', what: oneOf('probe', probe, ['livez', 'readyz']), http };
  const agents = agentsOf(settingOf);
  const agentSockets = sockets.filter((text) => text !== '').map(socketOf);
  if (agents === null && agentSockets.length === 0) {
    throw new BadSetting('agents could not connect: give --listen-grpc with its two TLS files, or --agent-socket');
  }
  return {
    kind: 'run',
    config: {
      agents,
      agentSockets,
      http,
      dataDir: settingOf('data-dir') ?? 'plumbline-data',
      kubeconfig: settingOf('kubeconfig') ?? null,
      context: settingOf('context') ?? null,
      identity: identityOf(settingOf),
      logLevel: oneOf('log-level', settingOf('log-level') ?? 'info', logLevels),
    },
  };
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

function agentsOf(settingOf: (name: Setting) => string | undefined): AggregatorConfig['agents'] {
  const listen = settingOf('listen-grpc');
  const [certFile, keyFile] = [settingOf('tls-cert-file'), settingOf('tls-key-file')];
  if (listen === undefined) {
    if (certFile === undefined && keyFile === undefined) return null;
    throw new BadSetting('TLS files are of no use without --listen-grpc');
  }
  if (certFile === undefined || keyFile === undefined) {
    throw new BadSetting('--listen-grpc needs --tls-cert-file and --tls-key-file: agents send tokens over it');
  }
  return { ...endpointOf('listen-grpc', listen), certFile, keyFile };
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
