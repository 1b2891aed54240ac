/** What the chart's pods may do and are told, held against what the programs take. */
import { describe, expect, it } from 'vitest';
import { readConfig as readAgentConfig } from '../../agent/config.ts';
import { observe } from '../../agent/observe.ts';
import { scriptedHost } from '../../agent/scripted-host.ts';
import { agentLabels, readConfig as readAggregatorConfig } from '../../aggregator/config.ts';
import { forbiddenOf } from './pod-security.ts';
import { at, hasKey, isWithin, listAt, type RenderedChart, renderedChart, renderedFile } from './rendered-chart.ts';

const charts = {
  default: renderedFile('default.yaml'),
  minimal: renderedFile('minimal.yaml'),
  restricted: renderedFile('restricted.yaml'),
};
const chart = charts.default;
const daemonSet = chart.the('DaemonSet');
const deployment = chart.the('Deployment');
const agentPod = podOf(chart, 'DaemonSet');
const aggregatorPod = podOf(chart, 'Deployment');
const agentContainer = at(agentPod, 'containers.0');
const aggregatorContainer = at(aggregatorPod, 'containers.0');

function podOf(of: RenderedChart, kind: 'DaemonSet' | 'Deployment'): unknown {
  return at(of.the(kind), 'spec.template.spec');
}

/** Arguments, with the variables of the container filled in as the kubelet does. */
function argsOf(pod: unknown): readonly string[] {
  const environment = new Map(
    listAt(pod, 'containers.0.env').map((variable) => [
      String(at(variable, 'name')),
      sample(at(variable, 'valueFrom.fieldRef.fieldPath')),
    ]),
  );
  return listAt(pod, 'containers.0.args').map((arg) =>
    String(arg).replace(/\$\((?<name>\w+)\)/g, (whole, name) => environment.get(name) ?? whole),
  );
}

function sample(fieldPath: unknown): string {
  if (fieldPath === 'status.podIP') return '10.244.1.7';
  if (fieldPath === 'spec.nodeName') return 'node-a';
  throw new Error(`no pod has ${fieldPath}`);
}

/** The values of an option, which may be given several times. */
function given(pod: unknown, option: string): readonly string[] {
  return argsOf(pod).flatMap((arg) => (arg.startsWith(`--${option}=`) ? [arg.slice(option.length + 3)] : []));
}

function agentConfig(pod: unknown) {
  const outcome = readAgentConfig({ args: argsOf(pod), environment: { NODE_NAME: 'node-a' }, hostname: 'x' });
  if (outcome.kind !== 'run') throw new Error(JSON.stringify(outcome));
  return outcome.config;
}

function aggregatorConfig(pod: unknown) {
  const outcome = readAggregatorConfig(argsOf(pod), {});
  if (outcome.kind !== 'run') throw new Error(JSON.stringify(outcome));
  return outcome.config;
}

function isMounted(file: string, pod: unknown): boolean {
  const folders = listAt(pod, 'containers.0.volumeMounts').map((mount) => String(at(mount, 'mountPath')));
  return folders.some((folder) => file === folder || file.startsWith(`${folder}/`));
}

/** The folders of the node in an agent, with where they are mounted. */
function folderMounts(pod: unknown) {
  const mounts = listAt(pod, 'containers.0.volumeMounts');
  return listAt(pod, 'volumes').flatMap((volume) => {
    if (!hasKey(volume, 'hostPath')) return [];
    const mount = mounts.find((each) => at(each, 'name') === at(volume, 'name'));
    const type = hasKey(at(volume, 'hostPath'), 'type') ? String(at(volume, 'hostPath.type')) : null;
    return [{ path: String(at(volume, 'hostPath.path')), mountPath: String(at(mount, 'mountPath')), type }];
  });
}

/** The paths that an agent asks for when it observes its node, those of its own /proc left out. */
async function askedOfNode(): Promise<readonly string[]> {
  const asked = new Set<string>();
  const told = <T>(path: string, answer: T): T => {
    asked.add(path);
    return answer;
  };
  const absent = (path: string) => ({ ok: false, kind: 'absent', message: `${path} does not exist` }) as const;
  const host = scriptedHost({ folders: { '/etc/cni/net.d': { ok: true, entries: [] } } });
  const { list } = host;
  await observe({
    ...host,
    read: (path, most) => told(path, host.read(path, most)),
    ...(list === undefined ? {} : { list: (path, most) => told(path, list(path, most)) }),
    executables: async (path) => told(path, absent(path)),
    askBird: async (path) => told(path, absent(path)),
    identify: async (path) => told(path, null),
  });
  return [...asked].filter((path) => !path.startsWith('/proc/'));
}

describe('an agent', () => {
  it('is root with two capabilities and nothing else', () => {
    expect(at(agentContainer, 'securityContext')).toEqual({
      runAsUser: 0,
      runAsGroup: 0,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
    });
    expect(at(agentPod, 'securityContext')).toEqual({ seccompProfile: { type: 'RuntimeDefault' } });
    expect(
      ['hostPID', 'hostIPC', 'shareProcessNamespace'].filter((name) => isWithin({ [name]: true }, agentPod)),
    ).toEqual([]);
  });

  it('breaks these rules of a `restricted` namespace, and no other', () => {
    const folders = (count: number) => Array<string>(count).fill('volume hostPath');
    const root = ['runAsNonRoot', 'runAsUser 0'];
    const rules = Object.values(charts).map((each) => forbiddenOf(podOf(each, 'DaemonSet')));
    expect(rules).toEqual([
      ['hostNetwork', 'capability NET_ADMIN', 'capability NET_RAW', ...folders(3), ...root],
      ['hostNetwork', ...folders(2), ...root],
      ['hostNetwork', 'capability NET_ADMIN', ...folders(6), ...root],
    ]);
  });

  it('has one capability less, or none, where the values say so', () => {
    const capabilities = 'containers.0.securityContext.capabilities';
    expect(at(podOf(charts.restricted, 'DaemonSet'), capabilities)).toEqual({ drop: ['ALL'], add: ['NET_ADMIN'] });
    expect(at(podOf(charts.minimal, 'DaemonSet'), capabilities)).toEqual({ drop: ['ALL'] });
    expect(at(podOf(renderedChart({ 'agent.capabilities': [] }), 'DaemonSet'), capabilities)).toEqual({
      drop: ['ALL'],
    });
    const warnings = Object.values(charts).map(({ notes }) => notes.includes('every node will be unknown'));
    expect(warnings).toEqual([false, true, false]);
  });

  it('has the labels by which the aggregator knows agents', () => {
    const labels: unknown = at(daemonSet, 'spec.template.metadata.labels');
    const selected = Object.fromEntries(agentLabels.split(',').map((label) => label.split('=')));
    expect(labels).toMatchObject(selected);
  });

  it('sees the network of its node, on every node, and is among the last to be evicted', () => {
    expect([at(agentPod, 'hostNetwork'), at(agentPod, 'dnsPolicy')]).toEqual([true, 'ClusterFirstWithHostNet']);
    expect(at(agentPod, 'tolerations')).toEqual([{ operator: 'Exists' }]);
    expect(at(agentPod, 'priorityClassName')).toBe('system-node-critical');
    expect(at(agentContainer, 'env')).toEqual([
      { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    ]);
  });

  it('has a token for the aggregator alone, and no right in the API', () => {
    const account = at(agentPod, 'serviceAccountName');
    expect([account, at(agentPod, 'automountServiceAccountToken')]).toEqual(['audit-agent', false]);
    expect(at(agentPod, 'volumes.0')).toEqual({
      name: 'token',
      projected: {
        sources: [{ serviceAccountToken: { path: 'token', audience: 'plumbline', expirationSeconds: 3600 } }],
      },
    });
    for (const { manifests } of Object.values(charts)) {
      const subjects = manifests.flatMap((each) => listAt(each, 'subjects'));
      expect(subjects.map((subject) => at(subject, 'name'))).not.toContain(account);
    }
  });

  it('mounts what it reads of the node and nothing more, read-only: everything else it does without', async () => {
    const asked = await askedOfNode();
    const ofNode = asked.map((path) => (path === '/proc' ? '/host/proc' : path));
    const pods = [agentPod, podOf(charts.restricted, 'DaemonSet')];
    const unmounted = pods.map((pod) => ofNode.filter((path) => !isMounted(path, pod)));
    const optional = [
      '/run/flannel/subnet.env',
      '/opt/cni/bin',
      '/var/run/calico/bird.ctl',
      '/var/run/calico/bird6.ctl',
    ];
    // A BIRD of the node itself, the lock of iptables-legacy, and where distributions have CNI plugins.
    const elsewhere = ['/run/xtables.lock', '/usr/libexec/cni', '/usr/lib/cni', '/run/bird/bird.ctl'];
    // Its own resolv.conf the kubelet gives every pod; the node's is mounted where values name it, and the others are of
    // agents that are no pods.
    const ofNoPod = [
      '/etc/resolv.conf',
      '/run/NetworkManager/resolv.conf',
      '/run/resolvconf/resolv.conf',
      '/run/systemd/resolve/stub-resolv.conf',
      '/host/etc/resolv.conf',
    ];
    const never = [...elsewhere, ...ofNoPod];
    expect(unmounted.map((paths) => paths.toSorted())).toEqual([[...never, ...optional].sort(), never.toSorted()]);
    const mounts = pods.map((pod) => folderMounts(pod).map(({ mountPath }) => mountPath));
    const always = ['/etc/cni/net.d', '/var/lib/cni', '/host/proc'];
    expect(mounts).toEqual([always, [...always, '/opt/cni/bin', '/run/flannel', '/var/run/calico']]);
    const isRead = (folder: string) => ofNode.some((path) => path === folder || path.startsWith(`${folder}/`));
    expect(mounts.flat().filter((folder) => !isRead(folder))).toEqual([]);
    const mountsOfAll = pods.flatMap((pod) => listAt(pod, 'containers.0.volumeMounts'));
    expect(mountsOfAll.filter((mount) => !isWithin({ readOnly: true }, mount))).toEqual([]);
  });

  it('does without folders that its node does not have, and has none made', () => {
    const types = folderMounts(podOf(charts.restricted, 'DaemonSet')).map(({ path, type }) => [path, type]);
    expect(types).toEqual([
      // Where pods are run without CNI there is nothing to audit; runtimes have made these.
      ['/etc/cni/net.d', null],
      ['/var/lib/cni', null],
      ['/proc', 'Directory'],
      ['/opt/cni/bin', 'Directory'],
      ['/run/flannel', 'Directory'],
      ['/var/run/calico', 'Directory'],
    ]);
    const minimal = podOf(charts.minimal, 'DaemonSet');
    expect(folderMounts(minimal).map(({ path }) => path)).toEqual(['/etc/cni/net.d', '/var/lib/cni']);
  });

  it('asks the container runtime only where the values name its socket, whose folder is mounted', () => {
    const sockets = Object.values(charts).map((each) => agentConfig(podOf(each, 'DaemonSet')).criSocket);
    expect(sockets).toEqual([null, null, null]);
    const pod = podOf(renderedChart({ 'agent.criSocket': '/run/k3s/containerd/containerd.sock' }), 'DaemonSet');
    expect(agentConfig(pod).criSocket).toBe('/host/cri/containerd.sock');
    expect(folderMounts(pod).at(-1)).toEqual({
      path: '/run/k3s/containerd',
      mountPath: '/host/cri',
      type: 'Directory',
    });
    const mount = listAt(pod, 'containers.0.volumeMounts').at(-1);
    expect(mount).toEqual({ name: 'cri', mountPath: '/host/cri', readOnly: true });
  });

  it("sees the node's processes where its /proc is mounted, with what is mounted below it read-only too", () => {
    const proc = listAt(agentContainer, 'volumeMounts').find((mount) => isWithin({ name: 'host-proc' }, mount));
    expect(proc).toEqual({
      name: 'host-proc',
      mountPath: '/host/proc',
      readOnly: true,
      recursiveReadOnly: 'IfPossible',
    });
    const folders = Object.values(charts).map((each) => agentConfig(podOf(each, 'DaemonSet')).hostProc);
    expect(folders).toEqual(['/host/proc', '/proc', '/host/proc']);
  });

  it('is given settings that it takes, in files that are mounted', () => {
    const { nodeName, addresses, credentials, dialSpreadSeconds } = agentConfig(agentPod);
    expect({ nodeName, addresses, credentials, dialSpreadSeconds }).toEqual({
      nodeName: 'node-a',
      addresses: ['audit-aggregator.observability.svc:8443', 'audit-aggregator-headless.observability.svc:8443'],
      credentials: {
        tokenFile: '/var/run/secrets/plumbline/token',
        caFile: '/etc/plumbline/ca/ca.crt',
        serverName: 'audit-aggregator.observability.svc',
      },
      dialSpreadSeconds: 30,
    });
    const files = ['token-file', 'ca-file', 'addresses-file'].flatMap((option) => given(agentPod, option));
    expect(files).toEqual([
      '/var/run/secrets/plumbline/token',
      '/etc/plumbline/ca/ca.crt',
      '/etc/plumbline/ca/addresses',
    ]);
    expect(files.filter((file) => !isMounted(file, agentPod))).toEqual([]);
    expect(agentConfig(podOf(charts.restricted, 'DaemonSet')).credentials.serverName).toBe('plumbline.example');
  });

  it('probes within the same ranges as all others, or not at all', () => {
    const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'];
    const probesOf = (of: RenderedChart) => agentConfig(podOf(of, 'DaemonSet')).probes;
    expect(probesOf(charts.default)).toEqual({
      port: 9469,
      ranges: privateRanges,
      serviceRanges: privateRanges,
    });
    const own = ['10.0.0.0/8', 'fd00:10::/48'];
    expect(probesOf(charts.restricted)).toEqual({ port: 9470, ranges: own, serviceRanges: own });
    expect(probesOf(charts.minimal)).toBeNull();
    const toldBy = [charts.default, charts.minimal].map((of) => aggregatorConfig(podOf(of, 'Deployment')).probes);
    expect(toldBy).toEqual(['all', 'none']);
  });

  it('has the whole ConfigMap, there or not: what the aggregator writes later arrives without a restart', () => {
    const volume = { name: 'ca', configMap: { name: 'audit-ca', optional: true } };
    expect(at(agentPod, 'volumes.1')).toEqual(volume);
    const mount = listAt(agentContainer, 'volumeMounts').find((each) => isWithin({ name: 'ca' }, each));
    // The kubelet renews no file that is mounted by itself.
    expect(mount).toEqual({ name: 'ca', mountPath: '/etc/plumbline/ca', readOnly: true });
  });

  it('dials Services that exist, at their port', () => {
    const services = chart.manifests.filter(({ kind }) => kind === 'Service');
    const dialled = services.map(({ metadata, ...rest }) => {
      const port = listAt(rest, 'spec.ports').find((each) => isWithin({ name: 'grpc' }, each));
      return `${metadata.name}.${metadata.namespace}.svc:${at(port, 'port')}`;
    });
    expect(agentConfig(agentPod).addresses).toEqual(dialled);
    expect(services.map((service) => hasKey(at(service, 'spec'), 'clusterIP'))).toEqual([false, true]);
  });
});

describe('the aggregator', () => {
  it.each(Object.entries(charts))('fits into a namespace with restricted pods (%s)', (_, each) => {
    const pod = podOf(each, 'Deployment');
    expect(forbiddenOf(pod)).toEqual([]);
    expect(at(pod, 'securityContext')).toEqual({
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      fsGroup: 65532,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(at(pod, 'containers.0.securityContext')).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('is one, and its next one begins when it has ended: a journal has one writer', () => {
    expect([at(deployment, 'spec.replicas'), at(deployment, 'spec.strategy')]).toEqual([1, { type: 'Recreate' }]);
    expect(at(chart.the('PersistentVolumeClaim'), 'spec.accessModes')).toEqual(['ReadWriteOnce']);
  });

  it.each(Object.entries(charts))('is given settings that it takes, and knows its agents by them (%s)', (_, each) => {
    const pod = podOf(each, 'Deployment');
    const { dataDir, kubeconfig, identity, http } = aggregatorConfig(pod);
    expect({ dataDir, kubeconfig, identity, http }).toEqual({
      dataDir: '/var/lib/plumbline',
      kubeconfig: null,
      http: { host: '127.0.0.1', port: 8080 },
      identity: {
        audience: 'plumbline',
        namespace: each.the('DaemonSet').metadata.namespace,
        serviceAccount: at(podOf(each, 'DaemonSet'), 'serviceAccountName'),
        daemonSet: each.the('DaemonSet').metadata.name,
      },
    });
    const agentToken = 'volumes.0.projected.sources.0.serviceAccountToken.audience';
    expect(at(podOf(each, 'DaemonSet'), agentToken)).toBe(identity.audience);
    expect(given(pod, 'auth')).toEqual(['kubernetes']);
    const files = [dataDir, ...given(pod, 'tls-cert-file'), ...given(pod, 'tls-key-file')];
    expect(files.filter((file) => !isMounted(file, pod))).toEqual([]);
  });

  it('keeps its certificate in objects that it may change, for the names by which it is reached', () => {
    const { metadata: secret } = chart.the('Secret');
    const { metadata: bundle } = chart.the('ConfigMap', '-ca');
    expect({
      secret: given(aggregatorPod, 'tls-secret'),
      configMap: given(aggregatorPod, 'tls-config-map'),
      names: given(aggregatorPod, 'tls-name'),
      address: given(aggregatorPod, 'advertise'),
    }).toEqual({
      secret: [`${secret.namespace}/${secret.name}`],
      configMap: [`${bundle.namespace}/${bundle.name}`],
      names: agentConfig(agentPod).addresses.map((address) => address.replace(/:\d+$/, '')),
      address: ['10.244.1.7:8443'],
    });
    expect(given(aggregatorPod, 'tls-name')).toContain(agentConfig(agentPod).credentials.serverName);
    const changeable = chart.manifests
      .flatMap((role) => listAt(role, 'rules').map((rule) => ({ role, rule })))
      .filter(({ rule }) => listAt(rule, 'verbs').includes('update'))
      .map(({ role, rule }) => `${at(rule, 'resources.0')} ${role.metadata.namespace}/${at(rule, 'resourceNames.0')}`);
    expect(changeable).toEqual([
      `secrets ${secret.namespace}/${secret.name}`,
      `configmaps ${bundle.namespace}/${bundle.name}`,
    ]);
  });

  it('with a certificate of somebody else may change nothing in the API', () => {
    const verbs = charts.restricted.manifests.flatMap((each) =>
      listAt(each, 'rules').flatMap((rule) => (hasKey(rule, 'resources') ? listAt(rule, 'verbs') : [])),
    );
    expect([...new Set(verbs)].sort()).toEqual(['create', 'get', 'list', 'watch']);
    expect(given(podOf(charts.restricted, 'Deployment'), 'tls-secret')).toEqual([]);
  });

  it('listens on the ports that it, its Services and its policy name', () => {
    const listened = ['listen-grpc', 'listen-https'].flatMap((option) => given(aggregatorPod, option));
    const ports = listAt(aggregatorContainer, 'ports');
    expect([listened, ports]).toEqual([
      ['0.0.0.0:8443', '0.0.0.0:8444'],
      [
        { name: 'grpc', containerPort: 8443 },
        { name: 'https', containerPort: 8444 },
      ],
    ]);
    const services = chart.manifests.filter(({ kind }) => kind === 'Service').map((each) => at(each, 'spec.ports'));
    const grpc = { name: 'grpc', port: 8443, targetPort: 'grpc' };
    expect(services).toEqual([[grpc, { name: 'https', port: 8444, targetPort: 'https' }], [grpc]]);
    const allowed = listAt(chart.the('NetworkPolicy'), 'spec.ingress').flatMap((rule) => listAt(rule, 'ports'));
    expect(allowed.map((port) => at(port, 'port'))).toEqual(ports.map((port) => at(port, 'name')));
  });

  it('listens on addresses of the other family where there is no IPv4', () => {
    const pod = podOf(charts.restricted, 'Deployment');
    expect(['listen-grpc', 'listen-https'].flatMap((option) => given(pod, option))).toEqual(['[::]:8443', '[::]:8444']);
    const own = podOf(renderedChart({ 'aggregator.ipFamily': 'IPv6' }), 'Deployment');
    expect(given(own, 'advertise')).toEqual(['[10.244.1.7]:8443']);
  });

  it('is asked for its health by the kubelet, where anybody may ask', () => {
    const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) =>
      at(aggregatorContainer, `${probe}.httpGet`),
    );
    const ask = (path: string) => ({ scheme: 'HTTPS', port: 'https', path });
    expect(probes).toEqual([ask('/livez'), ask('/livez'), ask('/readyz')]);
  });
});
