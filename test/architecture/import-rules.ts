/** Who may import what, each with the reason that a failing test prints. */
import { type Import, importsOf } from './source-files.ts';

export interface ImportRule {
  readonly name: string;
  readonly reason: string;
  /** Does the rule speak of this file? */
  binds(path: string): boolean;
  /** A file of the project, or an outside package, that a bound file wants. */
  allows(wanted: Import): boolean;
}

const parser = 'agent/node-iptables-parse/';
const shells = ['certificates', 'cluster', 'ingest', 'journal', 'http', 'snapshot', 'web'].map(
  (folder) => `aggregator/${folder}/`,
);
const pureFolders = [
  parser,
  'agent/dataplane/',
  'aggregator/model/',
  'aggregator/audit/',
  'aggregator/checks/',
  'aggregator/diagnose/',
  'proto/',
];

/** Every package from outside and the only files that may import it. A package that is not here has no owner. */
const owners: ReadonlyMap<string, readonly string[]> = new Map([
  ['@kubernetes/client-node', ['aggregator/cluster/']],
  // Requests go into a forwarded port's stream: cli/kubernetes/forwarded-connection.ts.
  ['undici', ['aggregator/cluster/', 'cli/kubernetes/']],
  // A forwarded port is a WebSocket to the API server.
  ['ws', ['cli/kubernetes/']],
  ['@peculiar/x509', ['aggregator/certificates/make-certificates.ts']],
  ['reflect-metadata', ['aggregator/certificates/make-certificates.ts']],
  ['commander', ['cli/']],
  ['picocolors', ['cli/']],
  ['pino', ['agent/log.ts', 'aggregator/log.ts']],
  // The kubelet's own configuration is YAML.
  ['yaml', ['agent/collectors/dns/', 'cli/']],
  ['ipaddr.js', ['proto/']],
  ['kysely', ['aggregator/journal/']],
  ['node-iptables-parse', ['agent/', 'cli/']],
  ['node:child_process', ['agent/host-programs.ts', 'cli/demo/']],
  [
    'node:crypto',
    [
      'agent/collectors/',
      'agent/lookups/ask.ts',
      'agent/probes/send-probe.ts',
      'agent/stream/client.ts',
      parser,
      'aggregator/audit/',
      'cli/demo/',
      'proto/',
      'aggregator/certificates/',
      'aggregator/doors/',
      'aggregator/http/access/',
      'aggregator/ingest/',
    ],
  ],
  [
    'node:fs',
    [
      'agent/host.ts',
      'agent/host-cri.ts',
      'agent/host-files.ts',
      'agent/host-programs.ts',
      'agent/recorded-host.ts',
      'agent/recorded-network.ts',
      'agent/recorded-objects.ts',
      'agent/stream/credentials.ts',
      'cli/',
      'aggregator/cluster/',
      'aggregator/http/page-files.ts',
      'aggregator/journal/',
      'aggregator/ingest/',
    ],
  ],
  ['node:dgram', ['agent/lookups/', 'agent/probes/']],
  ['dns-packet', ['agent/lookups/']],
  ['node:http', ['agent/host.ts', 'aggregator/http/', 'cli/demo/', 'cli/kubernetes/']],
  ['node:https', ['aggregator/http/', 'cli/demo/', 'cli/kubernetes/']],
  [
    'node:net',
    [
      'agent/host-bird.ts',
      'agent/lookups/ask.ts',
      'agent/probes/send-probe.ts',
      'agent/stream/try-way.ts',
      'aggregator/http/',
      'aggregator/ingest/',
      'cli/kubernetes/',
    ],
  ],
  ['node:v8', ['agent/spent-memory.ts']],
  ['node:vm', ['agent/spent-memory.ts']],
  ['node:perf_hooks', ['aggregator/http/']],
  ['fastify', ['aggregator/http/']],
  ['preact', ['aggregator/web/']],
  ['@preact/signals', ['aggregator/web/']],
  ['@fastify/swagger', ['aggregator/http/']],
  ['@fastify/type-provider-typebox', ['aggregator/http/']],
  ['prom-client', ['aggregator/http/']],
  ['node:os', ['agent/main.ts', 'aggregator/ingest/memory-pressure.ts', 'cli/']],
  ['node:util', ['agent/config.ts', 'aggregator/config.ts']],
  [
    'node:path',
    [
      'agent/host.ts',
      'agent/recorded-host.ts',
      'agent/recorded-network.ts',
      'cli/',
      'aggregator/http/page-files.ts',
      'aggregator/journal/',
    ],
  ],
  ['node:sqlite', ['aggregator/journal/']],
  ['node:timers', ['cli/']],
  ['node:stream', ['aggregator/snapshot/', 'cli/']],
  ['node:url', ['cli/']],
  ['node:zlib', ['agent/recorded-host.ts', 'cli/', 'aggregator/journal/', 'aggregator/snapshot/']],
  ['tar-stream', ['aggregator/snapshot/']],
  ['typebox', ['aggregator/http/', 'aggregator/journal/', 'aggregator/ingest/', 'aggregator/snapshot/']],
  // The aggregator's stream, and the container runtime's socket where the user has named it: nothing else is asked by gRPC.
  ['@grpc/grpc-js', ['agent/stream/', 'agent/host-cri.ts', 'aggregator/ingest/']],
  ['node:http2', ['aggregator/ingest/']],
  ['node:tls', ['agent/stream/try-way.ts', 'aggregator/ingest/']],
]);

export const importRules: readonly ImportRule[] = [
  {
    name: 'model imports only types of proto',
    reason: 'the nouns must be readable, and testable, without anything that acts on them',
    binds: (path) => path.startsWith('aggregator/model/'),
    allows: ({ to, typeOnly }) => isIn(to, 'aggregator/model/') || (isIn(to, 'proto/') && typeOnly),
  },
  {
    name: 'checks import model and proto only',
    reason: 'a check sees a node through its view alone: so it is one file that anyone can read, test and add',
    binds: (path) => path.startsWith('aggregator/checks/'),
    allows: ({ to }) => isIn(to, 'aggregator/checks/', 'aggregator/model/', 'proto/'),
  },
  {
    name: 'audit imports model and proto only',
    reason: 'the verdict depends on its arguments alone: a bundle audited in a year must give the same answer',
    binds: (path) => path.startsWith('aggregator/audit/'),
    allows: ({ to }) => isIn(to, 'aggregator/audit/', 'aggregator/model/', 'proto/') || isPackage(to, 'node:crypto'),
  },
  {
    name: 'diagnose imports what is pure only',
    reason: 'the same facts give the same answer: in the running aggregator, in a bundle, in a year',
    binds: (path) => path.startsWith('aggregator/diagnose/'),
    allows: ({ to }) =>
      isIn(to, 'aggregator/diagnose/', 'aggregator/audit/', 'aggregator/checks/shared/', 'aggregator/model/', 'proto/'),
  },
  {
    name: 'the engine knows no shell',
    reason: 'where objects come from and findings go is chosen in main: the engine runs the same offline',
    binds: (path) => path.startsWith('aggregator/engine/'),
    allows: ({ to }) => !isIn(to, ...shells, 'aggregator/main.ts', 'aggregator/config.ts'),
  },
  {
    name: 'shells do not import main',
    reason: 'main wires the parts together; a part that knows main cannot be tested without all the others',
    binds: (path) => shells.some((shell) => path.startsWith(shell)),
    allows: ({ to }) => !isIn(to, 'aggregator/main.ts', 'aggregator/config.ts'),
  },
  {
    name: 'the page knows the API, and no server',
    reason: 'what a browser loads must be small, and nothing that it has is a secret',
    binds: (path) => path.startsWith('aggregator/web/') && !path.endsWith('.test.ts'),
    allows: ({ to, typeOnly }) =>
      isIn(to, 'aggregator/web/', 'aggregator/model/finding.ts', 'aggregator/http/visible-text.ts') ||
      (isIn(to, 'aggregator/http/schemas/') && typeOnly) ||
      isPackage(to, 'preact') ||
      isPackage(to, '@preact/signals'),
  },
  {
    name: 'the agent never imports the aggregator',
    reason: 'the agent reports and does not judge: it must not know what a Service is',
    binds: (path) => path.startsWith('agent/'),
    allows: ({ to }) => !isIn(to, 'aggregator/', 'cli/'),
  },
  {
    name: 'the aggregator never imports the agent',
    reason: 'what the aggregator knows of a node has come through proto, where it is validated',
    binds: (path) => path.startsWith('aggregator/'),
    allows: ({ to }) => !isIn(to, 'agent/', 'cli/') && !isPackage(to, 'node-iptables-parse'),
  },
  {
    name: 'proto imports neither side',
    reason: 'it is the contract that both sides share',
    binds: (path) => path.startsWith('proto/'),
    allows: ({ to }) => !isIn(to, 'agent/', 'aggregator/', 'cli/') && !isPackage(to, 'node-iptables-parse'),
  },
  {
    name: 'the parser stands alone',
    reason: 'it is a package of its own: text to rules and back, useful without the rest',
    binds: (path) => path.startsWith(parser),
    allows: ({ to }) => isIn(to, parser) || 'package' in to,
  },
  {
    name: 'the parser is imported by its name',
    reason: 'what its index.ts does not export is its own affair',
    binds: (path) => !path.startsWith(parser),
    allows: ({ to }) => !isIn(to, parser),
  },
  {
    name: 'pure folders import no outside package',
    reason: 'no I/O, clock, logger, environment or randomness: the same input gives the same answer anywhere',
    binds: (path) => pureFolders.some((folder) => path.startsWith(folder)),
    allows: ({ from, to, names }) =>
      'file' in to ||
      (to.package === 'node:crypto' &&
        names.length > 0 &&
        names.every((name) => ['hash', 'createHash', 'Hash'].includes(name))) ||
      (to.package === 'ipaddr.js' && from.startsWith('proto/')) ||
      (to.package === 'node-iptables-parse' && from.startsWith('agent/dataplane/')),
  },
  {
    name: 'every outside package has one owner',
    reason: 'what a node allows, and what a new version breaks, is then found in one place',
    binds: () => true,
    allows: ({ from, to }) =>
      'file' in to ||
      (owners.get(to.package) ?? []).some((owner) => from === owner || (owner.endsWith('/') && from.startsWith(owner))),
  },
  {
    name: 'no program imports tests',
    reason: 'the programs are delivered without the tests',
    binds: () => true,
    allows: ({ to }) => !isIn(to, 'test/'),
  },
];

/** One line per broken rule and import: rule, import, reason. Tests and what they share are bound by none. */
export function brokenImports(files: ReadonlyMap<string, string>): readonly string[] {
  const broken: string[] = [];
  for (const [path, text] of files) {
    if (path.startsWith('test/') || path.endsWith('.test.ts')) continue;
    for (const wanted of importsOf(path, text)) {
      for (const rule of importRules) {
        if (rule.binds(path) && !rule.allows(wanted)) {
          const to = 'file' in wanted.to ? wanted.to.file : wanted.to.package;
          broken.push(`${rule.name}: ${path} imports ${to} (${rule.reason})`);
        }
      }
    }
  }
  return broken;
}

function isIn(to: Import['to'], ...places: readonly string[]): boolean {
  return (
    'file' in to && places.some((place) => to.file === place || (place.endsWith('/') && to.file.startsWith(place)))
  );
}

function isPackage(to: Import['to'], name: string): boolean {
  return 'package' in to && to.package === name;
}
