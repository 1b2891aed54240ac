/** The files of a network namespace as a process of it shows them. */
import type { Host } from '../../host.ts';
import type { ReadResult } from '../../host-files.ts';
import { addressesAsText, type NamespaceFiles } from './namespace-files.ts';
import { readProcessFiles } from './pod-processes.ts';
import { podOfProcess } from './process-pod.ts';

/** A node with ten thousand addresses, as in IPVS mode, has 3 MB of them, and so have its pods with its network. */
const fileBytes = 16 * 1024 * 1024;
const names = ['fib_trie', 'route', 'if_inet6', 'ipv6_route', 'dev', 'igmp'] as const;

/** Null: the process has ended, or its number is another's by now. @returns why, where it does not show its files. */
export async function filesOfProcess(host: Host, pid: string, uid: string): Promise<NamespaceFiles | string | null> {
  const process = `/proc/${pid}`;
  const paths = [...names.map((name) => `${process}/net/${name}`), `${process}/cgroup`];
  const results = await readProcessFiles(host, paths, fileBytes);
  const cgroup = results[names.length];
  if (cgroup?.ok !== true || podOfProcess(cgroup.bytes.toString('latin1'))?.uid !== uid) return null;
  const refused = results.find((result) => !result.ok && result.kind !== 'absent');
  if (refused?.ok === false) return refused.message;
  const [fibTrie = '', route = '', ipv6Addresses = '', ipv6Route = '', devices = '', igmp = ''] = results.map(textOf);
  // Every namespace has a loopback device: a process that is about to go has no namespace any more.
  return devices === '' ? null : { fibTrie, route, ipv6Addresses, ipv6Route, devices, igmp };
}

/** Empty where they cannot be read: nobody is taken for one of the node's own then. */
export async function ownAddresses(host: Host): Promise<string> {
  const [fibTrie, ipv6Addresses] = [
    await host.read('/proc/net/fib_trie', fileBytes),
    await host.read('/proc/net/if_inet6', fileBytes),
  ];
  return addressesAsText({ fibTrie: textOf(fibTrie), ipv6Addresses: textOf(ipv6Addresses) });
}

/** Without IPv6, or without multicast, a file is not there. */
function textOf(result: ReadResult): string {
  return result.ok ? result.bytes.toString('latin1') : '';
}
