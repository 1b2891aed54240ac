/** Ports of rules held against the port of a flow: the API reference of NetworkPolicyPort v1. */
import type { Protocol } from '../../../proto/forwarding.ts';
import type { ContainerPort } from '../../model/cluster.ts';
import type { PolicyPort } from '../../model/policy.ts';

/** Where a flow goes, as ports of rules see it. */
export interface PortQuestion {
  readonly protocol: Protocol;
  readonly port: number;
  /** The container ports of the destination: names stand for these. Empty where it is no pod. */
  readonly named: readonly ContainerPort[];
}

/** The first port of a rule that fits: its index; null = the rule has none, so every port fits; -1 = none fits. */
export function fittingPort(ports: readonly PolicyPort[], question: PortQuestion): number | null {
  return ports.length === 0 ? null : ports.findIndex((port) => fits(port, question));
}

function fits({ protocol, port, endPort }: PolicyPort, question: PortQuestion): boolean {
  if (protocol !== question.protocol) return false;
  if (port === null) return true;
  if (typeof port === 'number') return port <= question.port && question.port <= (endPort ?? port);
  return question.named.some(
    (named) => named.name === port && named.protocol === protocol && named.port === question.port,
  );
}

/** `8080/TCP`, `http/TCP`, `8000-8100/UDP`, `every port/SCTP`. */
export function portText({ protocol, port, endPort }: PolicyPort): string {
  const number = port === null ? 'every port' : endPort === null ? String(port) : `${port}-${endPort}`;
  return `${number}/${protocol.toUpperCase()}`;
}
