/**
 * Whether an API server would take an object as it stands: by the schemas of Kubernetes and of Prometheus' operator, and
 * without fields that they do not know. The schemas are compiled to functions, which pass over such fields; what they
 * read of an object is what they know, so they are given objects that remember what was read.
 */
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule';
import { DaemonSet } from 'kubernetes-models/apps/v1/DaemonSet';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ClusterRole } from 'kubernetes-models/rbac.authorization.k8s.io/v1/ClusterRole';
import { ClusterRoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1/ClusterRoleBinding';
import { Role } from 'kubernetes-models/rbac.authorization.k8s.io/v1/Role';
import { RoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1/RoleBinding';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim';
import { ResourceQuota } from 'kubernetes-models/v1/ResourceQuota';
import { Secret } from 'kubernetes-models/v1/Secret';
import { Service } from 'kubernetes-models/v1/Service';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';

interface Model {
  readonly apiVersion: string;
  readonly kind: string;
  readonly prototype: { validate(): void };
}

const models: readonly Model[] = [
  ...[ClusterRole, ClusterRoleBinding, ConfigMap, DaemonSet, Deployment, Namespace, NetworkPolicy],
  ...[PersistentVolumeClaim, PodDisruptionBudget, PrometheusRule, ResourceQuota, Role, RoleBinding],
  ...[Secret, Service, ServiceAccount, ServiceMonitor],
];

/** What is wrong with an object, each with its place; empty where nothing is. */
export function problemsOf(object: unknown): readonly string[] {
  const { apiVersion, kind } = Object(object);
  const model = models.find((each) => each.apiVersion === apiVersion && each.kind === kind);
  if (model === undefined) return [`there is no ${kind} of ${apiVersion}`];
  const read = new Map<object, Set<string>>();
  const problems: string[] = [];
  try {
    model.prototype.validate.call(remembering(object, read));
  } catch (cause) {
    problems.push(cause instanceof Error ? cause.message : String(cause));
  }
  return [...problems, ...unreadIn(object, '', read), ...malformedIn(object)];
}

function remembering(value: unknown, read: Map<object, Set<string>>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const keys = read.get(value) ?? new Set();
  read.set(value, keys);
  return new Proxy(value, {
    get: (target, key, receiver) => {
      if (typeof key === 'string') keys.add(key);
      return remembering(Reflect.get(target, key, receiver), read);
    },
  });
}

/** Fields that no schema asked for, and empty ones: they are nothing, and hide that something is missing. */
function unreadIn(value: unknown, place: string, read: ReadonlyMap<object, ReadonlySet<string>>): readonly string[] {
  if (value === null) return [`${place} is null`];
  if (typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const within = place === '' ? key : `${place}.${key}`;
    if (read.get(value)?.has(key) !== true) return [`${within} is no field`];
    return unreadIn(inner, within, read);
  });
}

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const labelKey = /^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/;

/** Names and labels that the server refuses although they are text. */
function malformedIn(object: unknown): readonly string[] {
  const { kind, metadata } = Object(object);
  const { name = '', namespace, labels = {} } = Object(metadata);
  const problems: string[] = [];
  if (!(kind === 'Service' || kind === 'Namespace' ? label : subdomain).test(name) || name.length > 253) {
    problems.push(`metadata.name ${name} is no name of a ${kind}`);
  }
  if (namespace !== undefined && !label.test(namespace)) problems.push(`metadata.namespace ${namespace}`);
  for (const [key, value] of Object.entries(labels)) {
    if (!labelKey.test(key) || !labelValue.test(String(value))) problems.push(`metadata.labels ${key}: ${value}`);
  }
  return problems;
}
