/** The settings of lookups: whether there are any, of which name outside of the cluster, and whom else they ask. */
import { type Address, parseAddress } from '../proto/address.ts';
import type { LookupSetting } from './lookups/planned-lookups.ts';

const mostUpstreams = 8;
const longestName = 253;
/** One or more labels of RFC 1035, with or without the last dot; a name that is not there at home may go anywhere. */
const nameForm = /^(?=.{1,254}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?$/i;

interface DnsTexts {
  /** `on` or `off`. */
  readonly lookups: string | undefined;
  readonly externalName: string | undefined;
  /** Addresses, separated by commas. */
  readonly upstreams: string | undefined;
}

/** @returns null where there are none; why a setting cannot be, in words. */
export function lookupSetting({
  lookups,
  externalName,
  upstreams,
}: DnsTexts): LookupSetting | null | { readonly wrong: string } {
  const which = lookups ?? 'on';
  if (which !== 'on' && which !== 'off') return { wrong: `--dns-lookups ${which}: on or off is wanted` };
  if (externalName !== undefined && (externalName.length > longestName || !nameForm.test(externalName))) {
    return { wrong: `--dns-external-name ${externalName}: a name like example.com is wanted` };
  }
  const texts = (upstreams ?? '').split(',').filter((text) => text !== '');
  if (texts.length > mostUpstreams)
    return { wrong: `--dns-upstreams: ${texts.length} addresses, of ${mostUpstreams} at most` };
  const addresses: Address[] = [];
  for (const text of texts) {
    const address = parseAddress(text);
    if (address === null) return { wrong: `--dns-upstreams ${text}: an IP address is wanted` };
    addresses.push(address);
  }
  return which === 'off' ? null : { externalName: externalName ?? null, upstreams: addresses };
}
