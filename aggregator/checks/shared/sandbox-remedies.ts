/** What each reason for which a sandbox cannot be made calls for. */
import type { NodeView } from '../../model/check.ts';
import type { Remedy } from '../../model/finding.ts';
import { restartFlannel } from './flannel-remedies.ts';
import { shellWord } from './remedies.ts';
import type { SandboxReason } from './sandbox-reasons.ts';

/** Commands for the node; none where the reason says too little. */
export function reasonRemedies({ name }: NodeView, reason: SandboxReason): readonly Remedy[] {
  const node = shellWord(name);
  switch (reason.kind) {
    case 'not-configured':
      return [{ command: 'ls -l /etc/cni/net.d', effect: `Run on ${name}: shows the CNI configurations there are.` }];
    case 'plugin-missing':
      return [
        {
          command: `ls -l ${reason.folders.map(shellWord).join(' ') || '/opt/cni/bin'}`,
          effect: `Run on ${name}: shows which plugins there are; restart the DaemonSet that copies ${reason.plugin}, or install its package.`,
        },
      ];
    case 'addresses-used-up':
      return [
        {
          command: 'ls /var/lib/cni/networks/* | wc -l; crictl pods -q | wc -l',
          effect: `Run on ${name}: reservations of host-local beside the sandboxes there are. Many more of the first are left over (ipam-leak).`,
        },
      ];
    case 'flannel-not-ready':
      return [restartFlannel(name)];
    case 'no-pod-range':
      return [
        {
          command: `kubectl get node ${node} -o jsonpath='{.spec.podCIDRs}'`,
          effect:
            'Prints nothing where the Node has no range: start kube-controller-manager with --allocate-node-cidrs and --cluster-cidr.',
        },
      ];
    case 'bridge-address':
      return [
        {
          command: `ip link delete ${shellWord(reason.bridge)}`,
          effect: `Run on ${name} while its pods are drained: the bridge is made anew with the right address. Pods that are joined by it lose their network at once.`,
        },
      ];
    case 'api-unreachable':
    case 'api-refused':
    case 'daemon-unreachable':
      return [
        {
          command: `kubectl get pods -A -o wide --field-selector spec.nodeName=${node}`,
          effect: `Shows the pods of ${name}: look at the logs of the CNI plugin's, and restart it.`,
        },
      ];
    case 'route-taken':
    case 'not-network':
    case 'timeout':
    case 'other':
      return [];
  }
}
