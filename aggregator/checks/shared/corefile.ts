/**
 * What CoreDNS is told to do, out of its Corefile. The format: https://coredns.io/manual/configuration/ ; words and
 * blocks as github.com/coredns/caddy (caddyfile/lexer.go, caddyfile/parse.go) reads them; the plugins as
 * https://coredns.io/plugins/ has them.
 *
 *     .:53 {
 *         errors
 *         kubernetes cluster.local in-addr.arpa ip6.arpa {
 *            pods insecure
 *            fallthrough in-addr.arpa ip6.arpa
 *         }
 *         forward . /etc/resolv.conf
 *         import /etc/coredns/custom/*.override
 *     }
 *
 * What is not understood is listed in `unread`, never passed over: who reads a Corefile here can say what it left open.
 */
import type { Address } from '../../../proto/address.ts';
import type { DnsConfiguration } from '../../model/cluster.ts';
import { type CorefileBlock, readBlocks } from './corefile-blocks.ts';
import { withImports } from './corefile-imports.ts';
import { readPlugin } from './corefile-plugins.ts';
import { readServerName } from './corefile-zones.ts';

export interface Corefile {
  /** One for each server block, in its order. Those before a problem are here. */
  readonly servers: readonly CorefileServer[];
  /** What means something to CoreDNS and nothing to this reader, at most 100. */
  readonly unread: readonly UnreadLine[];
  /** Not shown of those. */
  readonly unreadMore: number;
  /** Why CoreDNS, or this reader, does not take the whole; null = it is read to its end. */
  readonly problem: { readonly place: CorefilePlace; readonly because: string } | null;
}

/** Where something stands: the file by its key in the ConfigMap, and its line, the first being 1. */
export interface CorefilePlace {
  readonly file: string;
  readonly line: number;
}

export interface UnreadLine {
  readonly place: CorefilePlace;
  /** At most 120 characters. */
  readonly text: string;
  readonly because: string;
}

/** A server block: it answers for its zones, the longest that fits a name being the one. */
export interface CorefileServer {
  readonly place: CorefilePlace;
  /** `.`, `cluster.local`, `10.96.0.0/12`: lower case, without the dot at the end. */
  readonly zones: readonly string[];
  readonly ports: readonly number[];
  readonly plugins: readonly CorefilePlugin[];
}

/** A plugin's line with its block. Which comes first CoreDNS decides, not their order here. */
export type CorefilePlugin =
  | {
      readonly kind: 'kubernetes';
      readonly place: CorefilePlace;
      /** Its own, else those of its server. */
      readonly zones: readonly string[];
      readonly pods: 'disabled' | 'insecure' | 'verified';
      /** The zones whose unknown names go on to the next plugin: none = null, all = empty. */
      readonly fallthrough: readonly string[] | null;
    }
  | ForwardPlugin
  | {
      readonly kind: 'hosts';
      readonly place: CorefilePlace;
      /** `/etc/hosts` unless it says otherwise. */
      readonly file: string;
      readonly fallthrough: readonly string[] | null;
    }
  | { readonly kind: 'loop' | 'cache'; readonly place: CorefilePlace }
  /** The addresses, or names of links, that this server listens at alone. */
  | { readonly kind: 'bind'; readonly place: CorefilePlace; readonly to: readonly string[] }
  /** Search lists are walked by CoreDNS itself. */
  | { readonly kind: 'autopath'; readonly place: CorefilePlace; readonly zones: readonly string[]; readonly by: string }
  /** Answers, or names that are asked for, are made up: what it does is in its text. */
  | { readonly kind: 'rewrite' | 'template'; readonly place: CorefilePlace; readonly text: string }
  /** One that does not change what is answered (`errors`, `health`, ...), or that is listed in `unread`. */
  | { readonly kind: 'other'; readonly place: CorefilePlace; readonly name: string };

export interface ForwardPlugin {
  readonly kind: 'forward';
  readonly place: CorefilePlace;
  /** `.` or a zone. */
  readonly from: string;
  readonly to: readonly ForwardTarget[];
  /** Zones that are not forwarded. */
  readonly except: readonly string[];
  readonly forceTcp: boolean;
  readonly preferUdp: boolean;
  readonly policy: 'random' | 'round_robin' | 'sequential';
  /** Failures until an upstream is held for dead; 0 = never. */
  readonly maxFails: number;
}

export type ForwardTarget =
  | {
      readonly kind: 'server';
      readonly transport: 'dns' | 'tls' | 'https' | 'grpc' | 'quic';
      readonly address: Address;
      readonly port: number;
    }
  /** The nameservers of a file as CoreDNS' own pod sees it: `/etc/resolv.conf`. */
  | { readonly kind: 'file'; readonly path: string }
  /** NodeLocal DNSCache puts it in when it starts. */
  | { readonly kind: 'placeholder'; readonly text: string }
  /** A variable of the environment, or nothing that is known. */
  | { readonly kind: 'unknown'; readonly text: string };

const mostUnread = 100;

/**
 * Reads a Corefile with all that it imports.
 * @param files of the ConfigMap, by key: `Corefile` is the one that CoreDNS begins with, the others lie beside it.
 * @param custom the files of `coredns-custom`, which k3s and AKS have in the folder `custom` beside it.
 */
export function readCorefile(
  files: Readonly<Record<string, string>>,
  custom: Readonly<Record<string, string>> = {},
): Corefile {
  const whole = withImports(files, custom);
  const { blocks, problem } = readBlocks(whole.words);
  const unread = [...whole.unread];
  const servers = blocks.map((block) => serverOf(block, unread));
  return {
    servers,
    unread: unread.slice(0, mostUnread),
    unreadMore: Math.max(0, unread.length - mostUnread),
    problem: whole.problem ?? problem,
  };
}

/** CoreDNS' own Corefile with what it imports; null where no ConfigMap has one. RKE2 has its own name for it. */
export function clusterCorefile(configurations: Iterable<DnsConfiguration>): Corefile | null {
  const byName = new Map([...configurations].map(({ name, files }) => [name, files]));
  const files = byName.get('coredns') ?? byName.get('rke2-coredns-rke2-coredns');
  return files?.Corefile === undefined ? null : readCorefile(files, byName.get('coredns-custom'));
}

/** That of NodeLocal DNSCache; null where there is none. */
export function nodeLocalCorefile(configurations: Iterable<DnsConfiguration>): Corefile | null {
  const found = [...configurations].find(({ name }) => name === 'node-local-dns');
  return found?.files.Corefile === undefined ? null : readCorefile(found.files);
}

function serverOf({ keys, place, plugins }: CorefileBlock, unread: UnreadLine[]): CorefileServer {
  const names = keys.map((key) => readServerName(key));
  const zones = names.map(({ zone }) => zone);
  const variable = keys.find((key) => key.includes('{$') || key.includes('{%'));
  if (variable !== undefined) {
    unread.push({ place, text: variable, because: 'a variable of the environment stands in the zone' });
  }
  return {
    place,
    zones,
    ports: [...new Set(names.map(({ port }) => port))],
    plugins: plugins.map((plugin) => readPlugin(plugin, zones, unread)),
  };
}
