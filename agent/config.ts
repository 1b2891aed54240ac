/**
 * The agent's settings: from arguments, else from the environment, else a default that is right for most nodes. Few on
 * purpose; an unknown one refuses to start.
 */
import { parseArgs } from 'node:util';
import { lookupSetting } from './dns-setting.ts';
import { type LogLevel, logLevels } from './log.ts';
import type { LookupSetting } from './lookups/planned-lookups.ts';
import { defaultPace, type PaceLimits } from './pace.ts';
import { mostWays } from '../proto/ways.ts';
import { defaultProbePort, defaultProbeRanges, probeSetting } from './probe-setting.ts';
import type { ProbeSetting } from './probes/probing.ts';
import { hostPort, staysHere } from './stream/address.ts';

export interface AgentConfig {
  readonly nodeName: string;
  /** `host:port` or `unix:/path`, tried in turn. */
  readonly addresses: readonly string[];
  /** Holds further addresses, one `host:port` a line, tried after those; null = none. */
  readonly addressesFile: string | null;
  readonly credentials: {
    /** Null only where nothing leaves the machine. */
    readonly tokenFile: string | null;
    /** Null = plain text, to unix sockets and loopback addresses only. */
    readonly caFile: string | null;
    /** The name in the server's certificate, where it is not the address's own. */
    readonly serverName: string | null;
  };
  readonly pace: PaceLimits;
  readonly dialSpreadSeconds: number;
  /** Null = no port is opened, and nothing is sent to other nodes. */
  readonly probes: ProbeSetting | null;
  /** Null = no name is asked for. */
  readonly lookups: LookupSetting | null;
  /** Where the node's processes are shown, so that pods' networks can be seen through them. */
  readonly hostProc: string;
  /** Where the container runtime listens; null = it is not asked. */
  readonly criSocket: string | null;
  readonly logLevel: LogLevel;
  /** A recorded node's folder that is observed in place of this machine. */
  readonly recorded: string | null;
}

export type ConfigOutcome =
  | { readonly kind: 'run'; readonly config: AgentConfig }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'refused'; readonly message: string };

const defaultTokenFile = '/var/run/secrets/plumbline/token';

export const agentHelp = `Usage: plumbline agent [options]

Reads this node's Service rules again and again and reports what they do to an
aggregator. It changes nothing on the node. Needs root with CAP_NET_ADMIN, and
CAP_NET_RAW for iptables-legacy.

  --aggregator ADDRESS[,...]  HOST:PORT or unix:/PATH, tried in turn (no default)
  --addresses-file FILE       further addresses, one HOST:PORT a line, read before each dial
  --node-name NAME            this node's name in the API ($NODE_NAME, else the host's name)
  --ca-file FILE              who signed the aggregator's certificate, PEM; needed unless all
                              addresses are unix sockets or loopback
  --server-name NAME          name in the certificate, if it is not the address's
  --token-file FILE           the agent's token (${defaultTokenFile})
  --min-interval SECONDS      between two readings, at least (${defaultPace.minSeconds}); what changes is read at once
  --max-interval SECONDS      and at most (${defaultPace.maxSeconds})
  --dial-spread SECONDS       agents wait a random part of it before they dial (30)
  --probes all|none           probe other nodes and answer their probes, or neither (all)
  --probe-port PORT           UDP port of all agents' probes (${defaultProbePort})
  --probe-ranges PREFIX,...   where pods and nodes are; nothing else is probed or answered
                              (${defaultProbeRanges.replace('100.64', '\n                              100.64')})
  --probe-service-ranges PREFIX,...
                              where Services are that may be connected to (as --probe-ranges)
  --dns-lookups on|off        ask cluster DNS for a few names each minute, or not (on)
  --dns-external-name NAME    a name outside of the cluster that is asked for, too (none)
  --dns-upstreams IP[,...]    servers above cluster DNS that are asked for that name, beside
                              those that the node's own settings name
  --host-proc DIR             the node's /proc, where the agent's own is a container's (/proc)
  --cri-socket PATH           ask the container runtime for its sandboxes, too; whoever can connect
                              to its socket is root on the node (not asked)
  --recorded DIR              observe a recorded node instead of this machine
  --log-level LEVEL           debug, info, warn or error (info)
  --help, --version

Each can be set in the environment: PLUMBLINE_CA_FILE for --ca-file, and so on.

Examples:
  plumbline agent --aggregator unix:/run/plumbline/node-a.sock --node-name node-a
  plumbline agent --aggregator plumbline.example:8443 --ca-file ca.pem
`;

const options = {
  aggregator: { type: 'string' },
  'addresses-file': { type: 'string' },
  'node-name': { type: 'string' },
  'ca-file': { type: 'string' },
  'server-name': { type: 'string' },
  'token-file': { type: 'string' },
  'min-interval': { type: 'string' },
  'max-interval': { type: 'string' },
  'dial-spread': { type: 'string' },
  probes: { type: 'string' },
  'probe-port': { type: 'string' },
  'probe-ranges': { type: 'string' },
  'probe-service-ranges': { type: 'string' },
  'dns-lookups': { type: 'string' },
  'dns-external-name': { type: 'string' },
  'dns-upstreams': { type: 'string' },
  'host-proc': { type: 'string' },
  'cri-socket': { type: 'string' },
  recorded: { type: 'string' },
  'log-level': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

type Setting = Exclude<keyof typeof options, 'help' | 'version'>;
type ReadSetting = (name: Setting) => string | undefined;

/** Variables of the family that other commands read. */
const othersVariables = ['PLUMBLINE_SERVER', 'PLUMBLINE_NAMESPACE'];

export interface ConfigSource {
  /** Without the program's name and command. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The node's name where nothing else says it. */
  readonly hostname: string;
}

/** A setting that cannot be: told to the user, and nothing starts. */
class BadSetting extends Error {}

/** Reads the settings. */
export function readConfig({ args, environment, hostname }: ConfigSource): ConfigOutcome {
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false });
    if (values.help) return { kind: 'help' };
    if (values.version) return { kind: 'version' };
    const stranger = Object.keys(environment).find(isStrange);
    if (stranger !== undefined) throw new BadSetting(`there is no setting ${stranger}; unset it, or see --help`);
    // An empty variable is an unset one: manifests often cannot leave it out.
    const setting: ReadSetting = (name) => values[name] ?? (environment[variableOf(name)] || undefined);
    const nodeName = setting('node-name') ?? (environment.NODE_NAME || hostname);
    return { kind: 'run', config: configOf(setting, nodeName) };
  } catch (cause) {
    if (cause instanceof BadSetting || isParseError(cause)) return { kind: 'refused', message: cause.message };
    throw cause;
  }
}

function configOf(setting: ReadSetting, nodeName: string): AgentConfig {
  if (!/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(nodeName)) {
    throw new BadSetting(
      `--node-name ${JSON.stringify(nodeName)} is no name that a Node can have; give the one in the API`,
    );
  }
  const minSeconds = secondsOf('min-interval', setting, { fallback: defaultPace.minSeconds, least: 1, most: 3600 });
  const maxSeconds = secondsOf('max-interval', setting, {
    fallback: Math.max(minSeconds, defaultPace.maxSeconds),
    least: 1,
    most: 3600,
  });
  if (maxSeconds < minSeconds) {
    throw new BadSetting(`--max-interval ${maxSeconds} is less than --min-interval ${minSeconds}`);
  }
  const addresses = addressesOf(setting);
  return {
    nodeName,
    addresses: addresses.map(({ text }) => text),
    addressesFile: setting('addresses-file') ?? null,
    credentials: credentialsOf(addresses, setting),
    pace: { minSeconds, maxSeconds, budget: defaultPace.budget },
    dialSpreadSeconds: secondsOf('dial-spread', setting, { fallback: 30, least: 0, most: 600 }),
    probes: probesOf(setting),
    lookups: lookupsOf(setting),
    hostProc: folderOf('host-proc', setting, '/proc'),
    criSocket: socketOf('cri-socket', setting),
    logLevel: logLevelOf(setting('log-level') ?? 'info'),
    recorded: setting('recorded') ?? null,
  };
}

function probesOf(setting: ReadSetting): ProbeSetting | null {
  const read = probeSetting({
    probes: setting('probes'),
    port: setting('probe-port'),
    ranges: setting('probe-ranges'),
    serviceRanges: setting('probe-service-ranges'),
  });
  if (read !== null && 'wrong' in read) throw new BadSetting(read.wrong);
  return read;
}

function lookupsOf(setting: ReadSetting): LookupSetting | null {
  const read = lookupSetting({
    lookups: setting('dns-lookups'),
    externalName: setting('dns-external-name'),
    upstreams: setting('dns-upstreams'),
  });
  if (read !== null && 'wrong' in read) throw new BadSetting(read.wrong);
  return read;
}

interface Dialled {
  readonly text: string;
  /** What is sent there leaves the machine. */
  readonly isRemote: boolean;
}

function addressesOf(setting: ReadSetting): readonly Dialled[] {
  const texts = (setting('aggregator') ?? '').split(',').filter((text) => text !== '');
  if (texts.length === 0) throw new BadSetting('--aggregator is missing: where shall the agent report to?');
  if (texts.length > mostWays) throw new BadSetting(`--aggregator: ${texts.length} addresses, of ${mostWays} at most`);
  return texts.map((text) => {
    if (!/^unix:\/./.test(text) && hostPort(text) === null) {
      throw new BadSetting(`--aggregator ${text}: HOST:PORT or unix:/PATH is wanted`);
    }
    return { text, isRemote: !staysHere(text) };
  });
}

function credentialsOf(addresses: readonly Dialled[], setting: ReadSetting): AgentConfig['credentials'] {
  const [caFile = null, serverName = null] = [setting('ca-file'), setting('server-name')];
  const remote = addresses.find(({ isRemote }) => isRemote);
  if (caFile === null && remote !== undefined) {
    throw new BadSetting(`--aggregator ${remote.text} is not on this machine: it needs TLS, so give --ca-file`);
  }
  if (caFile === null && serverName !== null) throw new BadSetting('--server-name is of no use without --ca-file');
  const tokenFile = setting('token-file') ?? (caFile === null ? null : defaultTokenFile);
  return { tokenFile, caFile, serverName };
}

function secondsOf(
  name: Setting,
  setting: ReadSetting,
  { fallback, least, most }: { readonly fallback: number; readonly least: number; readonly most: number },
): number {
  const text = setting(name);
  if (text === undefined) return fallback;
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= least && seconds <= most) return seconds;
  throw new BadSetting(`--${name} ${text}: whole seconds from ${least} to ${most} are wanted`);
}

function folderOf(name: Setting, setting: ReadSetting, fallback: string): string {
  const path = setting(name) ?? fallback;
  if (!/^\/./.test(path)) throw new BadSetting(`--${name} ${path}: the whole path of a folder is wanted`);
  return path.replace(/\/+$/, '');
}

function socketOf(name: Setting, setting: ReadSetting): string | null {
  const path = setting(name) ?? null;
  if (path !== null && !/^\/./.test(path))
    throw new BadSetting(`--${name} ${path}: the whole path of a socket is wanted`);
  return path;
}

function logLevelOf(text: string): LogLevel {
  const found = logLevels.find((level) => level === text);
  if (found === undefined) throw new BadSetting(`--log-level ${text}: one of ${logLevels.join(', ')} is wanted`);
  return found;
}

function variableOf(name: string): string {
  return `PLUMBLINE_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** What Kubernetes sets in every pod for a Service whose name begins with plumbline. */
const serviceVariable = /_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$/;

/** A misspelt setting would otherwise be no setting at all. */
function isStrange(name: string): boolean {
  if (!name.startsWith('PLUMBLINE_') || othersVariables.includes(name) || serviceVariable.test(name)) return false;
  return !Object.keys(options).some((option) => variableOf(option) === name);
}

/** What parseArgs throws when the arguments do not fit. */
function isParseError(cause: unknown): cause is Error {
  return cause instanceof Error && 'code' in cause && String(cause.code).startsWith('ERR_PARSE_ARGS_');
}
