/**
 * What the plugins' lines say, each by its page below https://coredns.io/plugins/ : kubernetes, forward, hosts, bind,
 * autopath, rewrite, template.
 *
 *     forward . tls://1.1.1.1 [2606:4700::1]:5353 /etc/resolv.conf {
 *         except corp.example
 *         force_tcp
 *     }
 */
import { parseAddress, parseHostPort, parseWhole } from '../../../proto/address.ts';
import type { CorefilePlugin, ForwardPlugin, ForwardTarget, UnreadLine } from './corefile.ts';
import type { PluginLine, PluginLines } from './corefile-blocks.ts';
import { zoneOf } from './corefile-zones.ts';

/** Plugins that do not change what is answered to whom. */
const withoutEffect: ReadonlySet<string> = new Set(
  (
    'any bufsize cancel chaos debug dnstap errors health lameduck loadbalance local log metadata minimal multisocket ' +
    'nsid pprof prometheus ready reload root timeouts tls trace'
  ).split(' '),
);

/** Options of a plugin that do not change what is answered, by its name. */
const optionsWithoutEffect: Readonly<Record<string, ReadonlySet<string>>> = {
  kubernetes: new Set(
    (
      'endpoint tls kubeconfig apiserver_qps apiserver_burst apiserver_max_inflight endpoint_pod_names ttl transfer ' +
      'startup_timeout resyncperiod upstream'
    ).split(' '),
  ),
  forward: new Set(
    (
      'expire max_connect_attempts max_idle_conns max_age tls tls_servername health_check max_concurrent next ' +
      'failfast_all_unhealthy_upstreams failover doh_method'
    ).split(' '),
  ),
  hosts: new Set(['ttl', 'no_reverse', 'reload']),
  cache: new Set('success denial prefetch serve_stale servfail disable keepttl'.split(' ')),
};

/** @param zones of the server. What is not understood is added to `unread`. */
export function readPlugin(lines: PluginLines, zones: readonly string[], unread: UnreadLine[]): CorefilePlugin {
  tellVariables(lines, unread);
  const { name, place, args } = lines;
  switch (name) {
    case 'kubernetes':
      return readKubernetes(lines, zones, unread);
    case 'forward':
      return readForward(lines, unread);
    case 'hosts':
      return readHosts(lines, unread);
    case 'cache':
      for (const line of lines.lines) tellIfOption(line, lines, unread);
      return { kind: 'cache', place };
    case 'loop':
      return { kind: 'loop', place };
    case 'bind':
      for (const line of lines.lines) tell(line, unread, 'this option of bind is not understood');
      return { kind: 'bind', place, to: args };
    case 'autopath':
      return { kind: 'autopath', place, zones: args.slice(0, -1).map(zoneOf), by: args.at(-1) ?? '' };
    case 'rewrite':
    case 'template':
      return { kind: name, place, text: asText(lines) };
    default:
      if (!withoutEffect.has(name)) {
        tell({ words: [name, ...args], place }, unread, 'what this plugin does to answers is not known');
      }
      return { kind: 'other', place, name };
  }
}

function readKubernetes(
  lines: PluginLines,
  zones: readonly string[],
  unread: UnreadLine[],
): Extract<CorefilePlugin, { kind: 'kubernetes' }> {
  let pods: 'disabled' | 'insecure' | 'verified' = 'disabled';
  let fallthrough: readonly string[] | null = null;
  for (const line of lines.lines) {
    const [option, ...values] = line.words;
    const mode = (['disabled', 'insecure', 'verified'] as const).find((known) => known === values[0]);
    if (option === 'pods' && mode !== undefined) pods = mode;
    else if (option === 'fallthrough') fallthrough = values.map(zoneOf);
    else tellIfOption(line, lines, unread);
  }
  const own = lines.args.map(zoneOf);
  return { kind: 'kubernetes', place: lines.place, zones: own.length > 0 ? own : zones, pods, fallthrough };
}

function readForward(lines: PluginLines, unread: UnreadLine[]): ForwardPlugin {
  const except: string[] = [];
  const named: string[] = [];
  const set: { forceTcp: boolean; preferUdp: boolean; policy: ForwardPlugin['policy']; maxFails: number } = {
    forceTcp: false,
    preferUdp: false,
    policy: 'random',
    maxFails: 2,
  };
  for (const line of lines.lines) {
    const [option, ...values] = line.words;
    const policy = (['random', 'round_robin', 'sequential'] as const).find((known) => known === values[0]);
    const fails = parseWhole(values[0] ?? '', 65_535);
    if (option === 'except') except.push(...values.map(zoneOf));
    else if (option === 'to') named.push(...values);
    else if (option === 'force_tcp') set.forceTcp = true;
    else if (option === 'prefer_udp') set.preferUdp = true;
    else if (option === 'policy' && policy !== undefined) set.policy = policy;
    else if (option === 'max_fails' && fails !== null) set.maxFails = fails;
    else tellIfOption(line, lines, unread);
  }
  const [from = '.', ...to] = lines.args;
  return {
    kind: 'forward',
    place: lines.place,
    from: zoneOf(from),
    to: [...to, ...named].map(targetOf),
    except,
    ...set,
  };
}

const ports = { dns: 53, tls: 853, https: 443, grpc: 443, quic: 853 } as const;

function targetOf(written: string): ForwardTarget {
  if (/^__PILLAR__\w+__$/.test(written)) return { kind: 'placeholder', text: written };
  const scheme = (['dns', 'tls', 'https', 'grpc', 'quic'] as const).find((name) => written.startsWith(`${name}://`));
  const transport = scheme ?? 'dns';
  // The name that a server's certificate must have stands behind a percent sign.
  const [host = ''] = (scheme === undefined ? written : written.slice(scheme.length + 3)).split('%');
  const bare = parseAddress(host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host);
  const found = bare === null ? parseHostPort(host) : { address: bare, port: ports[transport] };
  if (found !== null) return { kind: 'server', transport, ...found };
  return written.startsWith('/') ? { kind: 'file', path: written } : { kind: 'unknown', text: written.slice(0, 120) };
}

function readHosts(lines: PluginLines, unread: UnreadLine[]): Extract<CorefilePlugin, { kind: 'hosts' }> {
  let fallthrough: readonly string[] | null = null;
  for (const line of lines.lines) {
    const [option = '', ...values] = line.words;
    if (option === 'fallthrough') fallthrough = values.map(zoneOf);
    // Addresses with their names stand in the block itself.
    else if (parseAddress(option) === null) tellIfOption(line, lines, unread);
  }
  const [file = '/etc/hosts'] = lines.args;
  return { kind: 'hosts', place: lines.place, file, fallthrough };
}

function tellIfOption(line: PluginLine, { name }: PluginLines, unread: UnreadLine[]): void {
  if (optionsWithoutEffect[name]?.has(line.words[0] ?? '') === true) return;
  tell(line, unread, `this option of ${name} is not understood`);
}

/** CoreDNS puts in what its own environment has, and nothing where it has none. */
function tellVariables({ name, place, args, lines }: PluginLines, unread: UnreadLine[]): void {
  for (const line of [{ words: [name, ...args], place }, ...lines]) {
    const isVariable = line.words.some((word) => word.includes('{$') || word.includes('{%'));
    if (isVariable) tell(line, unread, 'a variable of the environment stands here');
  }
}

function tell({ words, place }: PluginLine, unread: UnreadLine[], because: string): void {
  unread.push({ place, text: words.join(' ').slice(0, 120), because });
}

function asText({ name, args, lines }: PluginLines): string {
  return [[name, ...args].join(' '), ...lines.map(({ words }) => words.join(' '))].join('; ').slice(0, 500);
}
