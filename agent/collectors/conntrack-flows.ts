/**
 * Where the flows of UDP are read: conntrack(8), or /proc/net/nf_conntrack in its stead.
 *
 * The program comes first: many kernels are built without that file, and before Linux 6.15 reading it takes a time that
 * grows with the square of the entries. The file takes no program and no module, so it stands in on small tables.
 */
import type { Family } from '../../proto/address.ts';
import type { Host, RunResult } from '../host.ts';
import { type FlowCount, type FlowFilter, FlowListing } from './conntrack-listing.ts';

const listFile = '/proc/net/nf_conntrack';
const modulesFile = '/proc/modules';
const limits = { deadlineMs: 20_000, maxBytes: 256 * 1024 * 1024 };
/** Beyond so many connections their flows are not read: it would take seconds of CPU each time. */
const mostConnections = 1_000_000;
/** Up to so many the file stands in for the program. */
const fewConnections = 20_000;

/**
 * Counts the flows that the filter wants, of both families.
 * @param count how many connections the kernel has now.
 * @returns a failure that names what was run or read, and what came back.
 */
export async function readUdpFlows(host: Host, filter: FlowFilter, count: number): Promise<FlowCount> {
  if (filter.ports.size === 0) return { ok: true, flows: [] };
  if (count > mostConnections) {
    return { ok: false, message: `${count} connections are too many to go through; the limit is ${mostConnections}` };
  }
  const unloaded = await unloadedModule(host);
  if (unloaded !== null) return fromFile(host, filter, { count, because: unloaded });
  const ipv4 = await fromProgram(host, filter, 'ipv4');
  if (ipv4 === 'absent') return fromFile(host, filter, { count, because: 'conntrack is not installed' });
  if (!ipv4.ok) return ipv4;
  const ipv6 = await fromProgram(host, filter, 'ipv6');
  if (ipv6 === 'absent') return ipv4;
  return ipv6.ok ? { ok: true, flows: [...ipv4.flows, ...ipv6.flows] } : ipv6;
}

/** The program would have the kernel load this module, which reading must not do; null where it is there already. */
async function unloadedModule(host: Host): Promise<string | null> {
  const file = await host.read(modulesFile, 1024 * 1024);
  // No modules at all: everything is built in.
  if (!file.ok) return null;
  const names = new Set(
    file.bytes
      .toString('latin1')
      .split('\n')
      .map((line) => line.split(' ', 1)[0]),
  );
  const isModule = names.has('nf_conntrack');
  return isModule && !names.has('nf_conntrack_netlink')
    ? 'module nf_conntrack_netlink is not loaded, and running conntrack would load it'
    : null;
}

async function fromProgram(host: Host, filter: FlowFilter, family: Family): Promise<FlowCount | 'absent'> {
  const args = ['-L', '-f', family, '-p', 'udp', '-o', 'extended'];
  const listing = new FlowListing(filter);
  const result = await host.run({ program: 'conntrack', args, ...limits }, (piece) => listing.push(piece));
  if (!result.ok) return result.kind === 'absent' ? 'absent' : { ok: false, message: whyNotRun(result) };
  const counted = listing.end();
  const line = `conntrack ${args.join(' ')}`;
  if (!counted.ok) return { ok: false, message: `${line}: ${counted.message}` };
  const shown = / (\d+) flow entries have been shown/.exec(result.stderr)?.[1];
  if (shown === undefined || Number(shown) === listing.lines) return counted;
  return { ok: false, message: `${line}: printed ${listing.lines} lines, and speaks of ${shown} entries` };
}

function whyNotRun(result: Extract<RunResult, { readonly ok: false }>): string {
  switch (result.kind) {
    case 'deadline':
    case 'too-long':
    case 'too-large':
      return `too many connections: ${result.message}; run conntrack -L by hand to see how long it takes`;
    // The host has said what is lacking.
    case 'not-permitted':
    case 'absent':
    case 'stopped':
    case 'failed':
      return result.message;
  }
}

async function fromFile(
  host: Host,
  filter: FlowFilter,
  { count, because }: { readonly count: number; readonly because: string },
): Promise<FlowCount> {
  if (count > fewConnections)
    return { ok: false, message: `${because}; ${listFile} is slow with ${count} connections` };
  const file = await host.read(listFile, 16 * 1024 * 1024);
  if (!file.ok) return { ok: false, message: `${because}; ${file.message}` };
  const listing = new FlowListing(filter);
  listing.push(file.bytes);
  const counted = listing.end();
  return counted.ok ? counted : { ok: false, message: `${listFile}: ${counted.message}` };
}
