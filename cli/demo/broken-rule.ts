/** Breaks one rule on purpose: an endpoint's packets go to an address that no pod has. */
import { done, type Outcome, refused } from '../refusal.ts';
import { type NamespaceNode, runInside } from './namespace-node.ts';

export interface BrokenRule {
  /** The endpoint's chain: `KUBE-SEP-...`. */
  readonly chain: string;
  readonly wrongBackend: string;
  /** What was run, as one would type it. */
  readonly command: string;
}

/** In the pods' range of the recorded cluster, and no pod's. */
const nobody = '10.244.9.99';

/** Changes the target of the Service's first endpoint. */
export function breakEndpoint(
  node: NamespaceNode,
  service: { readonly namespace: string; readonly name: string },
): Outcome<BrokenRule> {
  const program = `iptables-${node.backend}`;
  const listed = runInside(node, `${program}-save`, []);
  if (!listed.ok) return listed;
  const comment = `--comment "${service.namespace}/${service.name}"`;
  const rules = listed.value.split('\n').filter((rule) => rule.startsWith('-A KUBE-SEP-'));
  const target = rules.find((rule) => rule.includes(comment) && rule.includes(' -j DNAT '));
  const chain = target?.split(' ')[1];
  const port = target?.split(':').at(-1);
  if (target === undefined || chain === undefined || port === undefined) {
    return refused('break a rule', `no endpoint of ${service.namespace}/${service.name} is there`, 'Please report it.');
  }
  const position = rules.filter((rule) => rule.split(' ')[1] === chain).indexOf(target) + 1;
  const wrongBackend = `${nobody}:${port}`;
  const place = [
    '-t',
    'nat',
    '-R',
    chain,
    String(position),
    '-p',
    'tcp',
    '-j',
    'DNAT',
    '--to-destination',
    wrongBackend,
  ];
  const broken = runInside(node, program, place);
  return broken.ok ? done({ chain, wrongBackend, command: [program, ...place].join(' ') }) : broken;
}
