/**
 * The frontends that kube-proxy's maps name: whatever map leads from an address, protocol and port, or from protocol and
 * port alone, to a verdict. What becomes of their packets is left to the walk.
 *
 *     service-ips, no-endpoint-services, firewall-ips     203.0.113.10 . tcp . 80 : goto external-...
 *     service-nodeports, no-endpoint-nodeports            tcp . 30080 : drop
 */
import { type Address, type Family, parseAddress } from '../../../proto/address.ts';
import { frontendKey } from '../../../proto/canonical.ts';
import type { Frontend, FrontendKey, Protocol } from '../../../proto/forwarding.ts';
import type { ChainPlans } from './plans.ts';
import type { Verdict } from './rule.ts';
import type { NftSet } from './table.ts';
import { detached } from './words.ts';

export interface NftListedFrontend {
  readonly frontend: Frontend;
  /** Of the first element that names it and leads to a chain of its service. */
  readonly verdict: Verdict | null;
}

export interface NftListing {
  readonly frontends: ReadonlyMap<FrontendKey, NftListedFrontend>;
  /**
   * False where a map or rule of kube-proxy's own may take packets without naming one frontend, which it never writes.
   * Others may then be served than are listed.
   */
  readonly complete: boolean;
}

/** All frontends of one family's table. */
export function listFrontends(plans: ChainPlans): NftListing {
  const frontends = new Map<FrontendKey, NftListedFrontend>();
  const addresses = new Map<string, Address>();
  let complete = !hasOddRules(plans);
  for (const set of plans.table.sets.values()) {
    if (!set.mapsToVerdicts) continue;
    const shape = set.parts?.join(' ');
    if (shape !== 'address protocol port' && shape !== 'protocol port') {
      complete = false;
      continue;
    }
    complete &&= set.elements.isRead && !set.elements.hasWideKeys;
    for (const [key, verdict] of set.elements.entries()) {
      const frontend = frontendOf(key, plans.table.family, addresses);
      if (frontend === null) continue;
      const name = frontendKey(frontend);
      const known = frontends.get(name);
      if (known === undefined || !leadsToService(known.verdict)) frontends.set(name, { frontend, verdict });
    }
  }
  return { frontends, complete };
}

function leadsToService(verdict: Verdict | null): boolean {
  return verdict !== null && 'chain' in verdict && verdict.chain.includes('/');
}

/** @param addresses those made so far: an address stands in as many keys as it has ports. */
function frontendOf(key: string, family: Family, addresses: Map<string, Address>): Frontend | null {
  const words = key.split(' ');
  const port = Number(words.at(-1));
  const protocol = protocolOf(words.at(-2));
  if (protocol === null || port === 0) return null;
  const [host = ''] = words;
  if (words.length === 2) return { family, protocol, address: 'node', port };
  let address = addresses.get(host);
  if (address === undefined) {
    const parsed = parseAddress(detached(host));
    if (parsed === null) return null;
    address = parsed;
    addresses.set(address, address);
  }
  return { family, protocol, address, port };
}

function protocolOf(text: string | undefined): Protocol | null {
  return text === 'tcp' || text === 'udp' || text === 'sctp' ? text : null;
}

/** Chains of services have a `/` in their names, those of kube-proxy's skeleton have none. */
function hasOddRules({ table }: ChainPlans): boolean {
  for (const chain of table.chains.values()) {
    if (chain.name.includes('/')) continue;
    for (const { steps } of chain.rules()) {
      if (steps.some((step) => step.kind === 'unreadable' || step.kind === 'dnat' || step.kind === 'chance'))
        return true;
      if (steps.some((step) => step.kind === 'verdict' && leadsToService(step.verdict))) return true;
      if (steps.some((step) => step.kind === 'verdict-map' && !isNamedMap(step, table.sets))) return true;
    }
  }
  return false;
}

function isNamedMap({ among }: { readonly among: object }, sets: ReadonlyMap<string, NftSet>): boolean {
  return 'set' in among && typeof among.set === 'string' && sets.has(among.set);
}
