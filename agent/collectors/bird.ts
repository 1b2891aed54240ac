/**
 * BIRD's protocols, as `show protocols all` tells them over its control socket (agent/host-bird.ts), of BIRD 1.6, which
 * Calico runs, and of BIRD 2:
 *
 *     1002-Mesh_192_168_100_12 BGP      master   start  12:00:01    Active        Socket: Connection refused
 *     1006-  Description:    Connection to BGP peer
 *        BGP state:          Active
 *          Neighbor address: 192.168.100.12
 *          Last error:       Socket: Connection refused
 *        Channel ipv4                                               BIRD 1.6 has no channels: one line of routes
 *          Routes:         1 imported, 2 exported, 1 preferred
 */
import { type Address, parseAddress } from '../../proto/address.ts';
import type { BirdProtocol, BirdReport, Part } from '../../proto/parts.ts';
import type { Host } from '../host.ts';
import { type BirdDaemon, birdSockets } from '../host-bird.ts';

const mostProtocols = 2000;
const longest = { name: 128, word: 64, text: 256 };

/** Asks every BIRD that there is; `absent` where there is none, `failed` where one of them does not answer. */
export async function collectBird(host: Host, now: () => Date): Promise<Part<BirdReport>> {
  const protocols: BirdProtocol[] = [];
  let answered = false;
  for (const { daemon, path } of birdSockets) {
    const answer = await host.askBird?.(path);
    if (answer === undefined || (!answer.ok && answer.kind === 'absent')) continue;
    if (!answer.ok) return { state: 'failed', reason: answer.message };
    const told = readProtocols(daemon, answer.text);
    // There is always one for the devices.
    if (told.length === 0) return { state: 'failed', reason: `BIRD at ${path} told of no protocol` };
    answered = true;
    for (const protocol of told) protocols.push(protocol);
  }
  if (!answered) return { state: 'absent' };
  const value = { protocols: { total: protocols.length, first: protocols.slice(0, mostProtocols) } };
  return { state: 'ok', value, collectedAt: now().toISOString() };
}

/**
 * Reads an answer, with its codes or as birdc prints it without them.
 * @returns the protocols in BIRD's order: each begins with a row (code 1002), and what more is told of it comes behind.
 */
export function readProtocols(daemon: BirdDaemon, text: string): readonly BirdProtocol[] {
  const protocols: BirdProtocol[] = [];
  for (const line of text.split('\n')) {
    const row = /^1002[- ](\S.*)$/.exec(line)?.[1] ?? rowWithoutCode.exec(line)?.[0];
    const protocol = row === undefined ? null : rowOf(daemon, row);
    if (protocol !== null) protocols.push(protocol);
    const last = protocols.at(-1);
    if (row === undefined && last !== undefined) {
      protocols[protocols.length - 1] = withDetail(last, line.replace(/^1006[- ]/, ''));
    }
  }
  return protocols;
}

const rowWithoutCode = /^(?!\d{4}[- ])\S+ +(?:BGP|BFD|Device|Direct|Kernel|OSPF|Pipe|RAdv|RIP|RPKI|Static) .*$/;
/** The states of a session; one that is down has none. */
const sessionState = /^(?:Idle|Connect|Active|OpenSent|OpenConfirm|Established|Close)$/;

/** Name, kind, table, state, since (a time, or a date, or both), and of BGP its own state and its last error. */
function rowOf(daemon: BirdDaemon, line: string): BirdProtocol | null {
  const [name, kind, , state, ...rest] = line.trim().split(/\s+/);
  if (name === undefined || kind === undefined || state === undefined) return null;
  const times = rest.findIndex((word) => !/^\d[\d.:-]*$/.test(word));
  const [since, info] = times < 0 ? [rest, []] : [rest.slice(0, times), rest.slice(times)];
  const [first = ''] = info;
  const session = kind === 'BGP' && sessionState.test(first) ? first : '';
  const error = kind === 'BGP' ? info.slice(session === '' ? 0 : 1).join(' ') : '';
  return {
    daemon,
    name: name.slice(0, longest.name),
    kind: kind.slice(0, longest.word),
    state: state.slice(0, longest.word),
    // Down and nothing behind it: switched off by hand.
    info: session === '' && error !== '' ? 'Down' : session,
    since: since.join(' ').slice(0, longest.word),
    neighbour: null,
    imported: null,
    exported: null,
    lastError: error === '' ? null : error.slice(0, longest.text),
  };
}

function withDetail(protocol: BirdProtocol, line: string): BirdProtocol {
  const [, key, value = ''] = /^\s*([A-Z][A-Za-z ]*?):\s+(.*)$/.exec(line) ?? [];
  switch (key) {
    case 'Neighbor address':
      return { ...protocol, neighbour: addressOf(value) ?? protocol.neighbour };
    case 'Routes': {
      const [, imported] = /(\d+) imported/.exec(value) ?? [];
      const [, exported] = /(\d+) exported/.exec(value) ?? [];
      return {
        ...protocol,
        imported: sum(protocol.imported, imported),
        exported: sum(protocol.exported, exported),
      };
    }
    case 'Last error':
      return { ...protocol, lastError: value.trim().slice(0, longest.text) };
    default:
      return protocol;
  }
}

/** Link-local ones name their link: `fe80::1%eth0`. */
function addressOf(text: string): Address | null {
  return parseAddress(text.trim().split('%')[0] ?? '');
}

/** BIRD 2 counts for each of its channels. */
function sum(before: number | null, more: string | undefined): number | null {
  const total = (before ?? 0) + Number(more ?? Number.NaN);
  return Number.isSafeInteger(total) ? total : before;
}
