/** The settings of probes: whether there are any, at which port, and where pods and nodes are. */
import type { Prefix } from '../proto/address.ts';
import { parseAddress, parseWhole } from '../proto/address.ts';
import { parsePrefix } from '../proto/prefixes.ts';
import type { ProbeSetting } from './probes/probing.ts';

export const defaultProbePort = 9469;
/** Private address space: RFC 1918, RFC 6598, RFC 4193. */
export const defaultProbeRanges = '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,fc00::/7';

const mostRanges = 64;

interface ProbeTexts {
  /** `all` or `none`. */
  readonly probes: string | undefined;
  readonly port: string | undefined;
  /** Prefixes, separated by commas. */
  readonly ranges: string | undefined;
  /** The same of Services; as `ranges` unless said. */
  readonly serviceRanges?: string | undefined;
}

/** @returns null where there are none; why a setting cannot be, in words. */
export function probeSetting({
  probes,
  port,
  ranges,
  serviceRanges,
}: ProbeTexts): ProbeSetting | null | { readonly wrong: string } {
  const which = probes ?? 'all';
  if (which !== 'all' && which !== 'none') return { wrong: `--probes ${which}: all or none is wanted` };
  const number = parseWhole(port ?? String(defaultProbePort), 65_535);
  if (number === null || number === 0) return { wrong: `--probe-port ${port}: a port from 1 to 65535 is wanted` };
  const own = prefixesOf('--probe-ranges', ranges ?? defaultProbeRanges);
  if ('wrong' in own) return own;
  const services = serviceRanges === undefined ? own : prefixesOf('--probe-service-ranges', serviceRanges);
  if ('wrong' in services) return services;
  return which === 'none' ? null : { port: number, ranges: own.prefixes, serviceRanges: services.prefixes };
}

function prefixesOf(
  option: string,
  said: string,
): { readonly prefixes: readonly Prefix[] } | { readonly wrong: string } {
  const texts = said.split(',').filter((text) => text !== '');
  if (texts.length > mostRanges) return { wrong: `${option}: ${texts.length} prefixes, of ${mostRanges} at most` };
  const prefixes: Prefix[] = [];
  for (const text of texts) {
    const prefix = parsePrefix(text);
    if (prefix === null) return { wrong: `${option} ${text}: a prefix is wanted, as 10.0.0.0/8` };
    // 10.1.0.0/8 is more than it looks like.
    if (
      !text.includes('/') ||
      parseAddress(text.slice(0, text.indexOf('/'))) !== prefix.slice(0, prefix.indexOf('/'))
    ) {
      return { wrong: `${option} ${text}: a prefix is wanted, and that would be ${prefix}` };
    }
    prefixes.push(prefix);
  }
  return { prefixes };
}
