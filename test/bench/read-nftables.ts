/**
 * What one agent does with kube-proxy's nftables rules in a namespace, again and again in one process:
 *
 *   node read-nftables.ts NAMESPACE ADDRESS...
 *
 * Reads them with the agent's own reader and the real nft, and prints one line of JSON (NftReadCosts).
 */
import { collectNftTables } from '../../agent/collectors/nft-tables.ts';
import { NftablesReader } from '../../agent/collectors/nftables.ts';
import { type Host, localHost } from '../../agent/host.ts';
import { type Address, parseAddress } from '../../proto/address.ts';
import { peakResidentMiB } from './peak-memory.ts';

/** CPU time is that of this process, user and system, in milliseconds: nft's own is not in it. */
export interface NftReadCosts {
  /** Readings of rules that are not those of the reading before; the first one compiles the code. */
  readonly changedMs: readonly number[];
  readonly unchangedMs: readonly number[];
  /** The most memory that this process has held, and with nft's at the same time. */
  readonly peakMiB: number;
  readonly togetherMiB: number;
  readonly frontends: number;
}

const readings = 3;

const [netns = '', ...addresses] = process.argv.slice(2);
const local = addresses.map(parseAddress).filter((address) => address !== null);
const own = localHost({ netns });
/** The most that this process has held while a program ran; the program may have held its most then too. */
let besideChildren = 0;
const host: Host = {
  ...own,
  run: async (command, onOutput) => {
    const look = () => {
      besideChildren = Math.max(besideChildren, process.memoryUsage.rss());
    };
    const timer = setInterval(look, 20);
    look();
    const result = await own.run(command, onOutput);
    look();
    clearInterval(timer);
    return result;
  },
};
const reader = new NftablesReader(host, () => new Date(), false);

/** @returns CPU milliseconds, and how many frontends were found. @throws when the rules could not be read. */
async function read(localAddresses: readonly Address[]) {
  const start = process.cpuUsage();
  const nftTables = await collectNftTables(host);
  const { forwarding } = await reader.read({ localAddresses, links: null, configuration: null, nftTables });
  const { user, system } = process.cpuUsage(start);
  if (forwarding.state !== 'ok') throw new Error(forwarding.state === 'failed' ? forwarding.reason : 'no table');
  return { cpuMs: (user + system) / 1000, frontends: forwarding.value.table.size };
}

const changedMs: number[] = [];
const unchangedMs: number[] = [];
let frontends = 0;
for (let reading = 0; reading < readings; reading++) {
  // An address more or less: the rules are read anew, as if they themselves had changed.
  const known = reading % 2 === 0 ? local : local.slice(0, -1);
  const changed = await read(known);
  frontends = changed.frontends;
  changedMs.push(changed.cpuMs);
  unchangedMs.push((await read(known)).cpuMs);
}
const peakMiB = peakResidentMiB();
const costs: NftReadCosts = {
  changedMs,
  unchangedMs,
  peakMiB,
  togetherMiB: Math.max(peakMiB, (besideChildren + (own.childPeakBytes?.() ?? Number.NaN)) / 2 ** 20),
  frontends,
};
process.stdout.write(`${JSON.stringify(costs)}\n`);
