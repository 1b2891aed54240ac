/** Commands around flannel, by the names of its own manifest. */
import type { Remedy } from '../../model/finding.ts';
import { shellWord } from './remedies.ts';

/** Makes it write its device, routes and annotations anew. */
export function restartFlannel(node: string): Remedy {
  return {
    command: `kubectl -n kube-flannel delete pod --field-selector spec.nodeName=${shellWord(node)} -l app=flannel`,
    effect: `Restarts flannel on ${node}: it makes its device, routes, neighbours and annotations anew; pods keep running. The names are those of flannel's own manifest; in k3s flannel is a part of the node's k3s service.`,
  };
}
