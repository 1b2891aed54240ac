/** Virtual servers and real servers in the words of findings and commands. */
import { backendOf } from '../../../proto/address.ts';
import { frontendKey } from '../../../proto/canonical.ts';
import type { Backend } from '../../../proto/address.ts';
import type { Frontend, FrontendKey } from '../../../proto/forwarding.ts';
import type { IpvsReport, VirtualServer } from '../../../proto/parts.ts';
import { valueOr } from '../../../proto/profile.ts';
import type { NodeView } from '../../model/check.ts';
import type { Remedy } from '../../model/finding.ts';

/** The report of a node whose Services IPVS serves; null on every other: what is there then is somebody else's. */
export function ipvsOf({ parts, profile }: NodeView): IpvsReport | null {
  if (parts.ipvs.state !== 'ok' || valueOr(profile.mode, null) !== 'ipvs') return null;
  return parts.ipvs.value;
}

/** A frontend that a virtual server serves. */
export interface ServedFrontend {
  readonly key: FrontendKey;
  readonly frontend: Frontend;
}

/** The frontends that a virtual server serves: its address, and the node port where the address is the node's own. */
export function frontendsServed(view: NodeView, { protocol, address, port }: VirtualServer): readonly ServedFrontend[] {
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  const own = valueOr(view.profile.localAddresses, []).includes(address);
  const all: readonly Frontend[] = [
    { family, protocol, address, port },
    ...(own ? [{ family, protocol, address: 'node', port } as const] : []),
  ];
  return all.map((frontend) => ({ key: frontendKey(frontend), frontend }));
}

/** `10.96.0.1:443`. */
export function placeText({ address, port }: VirtualServer): string {
  return backendOf(address, port);
}

const options = { tcp: '-t', udp: '-u', sctp: '--sctp-service' } as const;

/** What ipvsadm calls one real server of a virtual server: `-t 10.96.0.1:443 -r 10.244.1.2:8443`. */
function realServer(server: VirtualServer, backend: Backend): string {
  return `${options[server.protocol]} ${placeText(server)} -r ${backend}`;
}

/** Lets a real server have new clients again. */
export function giveWeight(server: VirtualServer, backend: Backend): Remedy {
  return {
    command: `ipvsadm -e ${realServer(server, backend)} -m -w 1`,
    effect: `Gives ${backend} its weight back: new clients of ${placeText(server)} reach it at once.`,
  };
}

/** Takes a real server away. */
export function deleteServer(server: VirtualServer, backend: Backend): Remedy {
  return {
    command: `ipvsadm -d ${realServer(server, backend)}`,
    effect: `Takes ${backend} away from ${placeText(server)}: connections to it end, and its clients connect to another one.`,
  };
}

/** Sets a setting of IPVS until the next start of the node. */
export function setSetting(name: string, value: number, effect: string): Remedy {
  return { command: `sysctl -w net.ipv4.vs.${name}=${value}`, effect };
}
