/**
 * The ways to the aggregator that there are: those of the settings, then those of a file that is read anew each time,
 * since the aggregator's pod comes and goes. An address of the file is a pod's, reached without any rule for Services.
 */
import { mostWays, type Way } from '../../proto/ways.ts';
import { hostPort, isSocket, staysHere } from './address.ts';
import { readSmallFile } from './credentials.ts';

/** One address to dial, and what it is. */
export type ListedWay = Pick<Way, 'address' | 'kind'>;

export interface WayListOptions {
  /** From the settings, at least one. */
  readonly addresses: readonly string[];
  /** One `HOST:PORT` a line; missing or empty is no fault. Null = there is none. */
  readonly addressesFile: string | null;
  /** What is sent is plain text: nothing may leave the machine. */
  readonly isPlain: boolean;
}

const mostFileBytes = 64 * 1024;

export class WayList {
  /** Whether later readings may find others. */
  readonly mayChange: boolean;
  readonly #options: WayListOptions;
  readonly #configured: readonly ListedWay[];
  #badLines = 0;

  constructor(options: WayListOptions) {
    this.#options = options;
    this.#configured = options.addresses.map((address, index) => ({ address, kind: kindOf(address, index) }));
    this.mayChange = options.addressesFile !== null;
  }

  /** Lines of the file that are no address that may be dialed, when it was read last. */
  get badLines(): number {
    return this.#badLines;
  }

  /** All ways, in the order in which they are tried: at most 16, none twice. */
  read(): readonly ListedWay[] {
    const { addressesFile, isPlain } = this.#options;
    if (addressesFile === null) return this.#configured;
    const lines = textOf(addressesFile)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
    const pods = lines.filter((line) => hostPort(line) !== null && !(isPlain && !staysHere(line)));
    this.#badLines = lines.length - pods.length;
    const all = [...this.#configured, ...pods.map((address): ListedWay => ({ address, kind: 'pod' }))];
    return all
      .filter(({ address }, index) => all.findIndex((one) => one.address === address) === index)
      .slice(0, mostWays);
  }
}

/** A missing file is as good as an empty one: the aggregator writes it once it knows its own address. */
function textOf(file: string): string {
  const read = readSmallFile(file);
  return read.ok ? read.value.subarray(0, mostFileBytes).toString('latin1') : '';
}

/** The settings name the Service first, then what leads to its pods by name. */
function kindOf(address: string, index: number): Way['kind'] {
  if (isSocket(address)) return 'socket';
  if (/-headless[.:]/.test(address)) return 'headless';
  return index === 0 && !staysHere(address) ? 'service' : 'other';
}
