/** What drops lookups on their way, as a firewall or a policy does: rules of nft(8) in one namespace. */
import type { Undo } from './fault-undo.ts';
import { mustRunIn } from './namespaces.ts';

/** @param when `output`: what it sends itself, before kube-proxy's rules; `forward`: what others send through it. */
export function dropped(namespace: string, when: 'output' | 'forward', match: string): Undo {
  const chain = `chain ${when} { type filter hook ${when} priority -200; ${match} drop; }`;
  mustRunIn(namespace, 'nft', ['-f', '-'], `table inet lab {\n ${chain}\n}\n`);
  return () => {
    mustRunIn(namespace, 'nft', ['delete', 'table', 'inet', 'lab']);
  };
}
