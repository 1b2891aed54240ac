/** Commands about single pods. */
import type { Pod } from '../../model/cluster.ts';
import type { Remedy } from '../../model/finding.ts';
import { shellWord } from './remedies.ts';

/** The usual answer to a pod whose network cannot be mended from outside. */
export function makeAnew({ namespace, name }: Pick<Pod, 'namespace' | 'name'>): Remedy {
  return {
    command: `kubectl -n ${shellWord(namespace)} delete pod ${shellWord(name)}`,
    effect: 'Its controller makes it anew, with a new sandbox and network. A bare pod is gone.',
  };
}
