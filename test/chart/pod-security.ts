/**
 * What of a pod the level `restricted` of Pod Security forbids, after
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/: for pods of one container, which ours are.
 */
import { at, hasKey, listAt } from './rendered-chart.ts';

/** Volumes that the level allows. */
const allowedVolumes = [
  ...['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'],
];

/** The rules that a pod breaks, in the order of the page; empty where a `restricted` namespace takes it. */
export function forbiddenOf(pod: unknown): readonly string[] {
  const own = contextOf(at(pod, 'containers.0'));
  const both = { ...contextOf(pod), ...own };
  const { capabilities } = Object(own);
  const rules: readonly (readonly [string, boolean])[] = [
    ...['hostNetwork', 'hostPID', 'hostIPC'].map((name) => [name, hasKey(pod, name)] as const),
    ['privileged', both.privileged === true],
    ...listAt(capabilities, 'add')
      .filter((name) => name !== 'NET_BIND_SERVICE')
      .map((name) => [`capability ${name}`, true] as const),
    ...listAt(pod, 'volumes').map((volume) => volumeRule(volume)),
    ...listAt(pod, 'containers.0.ports').map((port) => ['hostPort', hasKey(port, 'hostPort')] as const),
    ['allowPrivilegeEscalation', both.allowPrivilegeEscalation !== false],
    ['runAsNonRoot', both.runAsNonRoot !== true],
    ['runAsUser 0', both.runAsUser === 0],
    ['seccompProfile', !['RuntimeDefault', 'Localhost'].includes(Object(both.seccompProfile).type)],
    ['capabilities are not dropped', !listAt(capabilities, 'drop').includes('ALL')],
  ];
  return rules.filter(([, isBroken]) => isBroken).map(([rule]) => rule);
}

function contextOf(of: unknown): Readonly<Record<string, unknown>> {
  return hasKey(of, 'securityContext') ? Object(at(of, 'securityContext')) : {};
}

function volumeRule(volume: unknown): readonly [string, boolean] {
  const kinds = Object.keys(Object(volume)).filter((key) => key !== 'name');
  return [`volume ${kinds}`, !kinds.every((kind) => allowedVolumes.includes(kind))];
}
