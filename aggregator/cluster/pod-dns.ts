/**
 * How a pod resolves names. Fields: the API reference of PodDNSConfig v1.
 *
 *     "dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.0.0.53"], "searches": ["corp.example"],
 *       "options": [{"name": "ndots", "value": "2"}]}
 */
import { parseWhole } from '../../proto/address.ts';
import type { Pod, PodDns } from '../model/cluster.ts';
import { apiAddress, elements, type Field, member, oneOf, text, textList } from './api-object.ts';

const policies = ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'] as const;
/** The API takes no more. */
const mostNameservers = 3;
const mostSearches = 32;
const longestSearch = 256;

/** Nothing where it is as nearly all have it. A nameserver that is no address is passed over. */
export function readPodDns(spec: Field): Pick<Pod, 'dns'> {
  const policy = oneOf(member(spec, 'dnsPolicy'), policies, 'ClusterFirst');
  const config = member(spec, 'dnsConfig');
  const nameservers = textList(member(config, 'nameservers')).flatMap((written) => apiAddress(written) ?? []);
  const searches = textList(member(config, 'searches')).map((search) => search.slice(0, longestSearch));
  const ndots = readNdots(config);
  const isUsual = policy === 'ClusterFirst' && nameservers.length === 0 && searches.length === 0 && ndots === null;
  if (isUsual) return {};
  const cut = { nameservers: nameservers.slice(0, mostNameservers), searches: searches.slice(0, mostSearches) };
  return { dns: { policy, ...cut, ndots } };
}

/** resolv.conf(5) knows none above 15. */
function readNdots(config: Field): PodDns['ndots'] {
  const option = elements(member(config, 'options')).findLast((one) => text(member(one, 'name')) === 'ndots');
  const value = option === undefined ? null : parseWhole(text(member(option, 'value')) ?? '', 255);
  return value === null ? null : Math.min(value, 15);
}
