import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { agentNodeEnvironment, agentNodeFlags } from '../../agent/node-flags.ts';
import { aggregatorNodeFlags } from '../../aggregator/node-flags.ts';
import { at, renderedChart } from './rendered-chart.ts';
import { copiesOf, lastOf, type Stage, stagesOf } from './dockerfile.ts';

const root = join(import.meta.dirname, '../..');
const text = (path: string) => readFileSync(join(root, path), 'utf8');

/** Which Debian package (bookworm) has each program that the agent runs. */
const packageOf: Readonly<Record<string, string>> = {
  'iptables-legacy-save': 'iptables',
  'ip6tables-legacy-save': 'iptables',
  'iptables-nft-save': 'iptables',
  'ip6tables-nft-save': 'iptables',
  nft: 'nftables',
  ip: 'iproute2',
  cat: 'coreutils',
  stdbuf: 'coreutils',
  setpriv: 'util-linux',
  conntrack: 'conntrack',
  ipset: 'ipset',
  ipvsadm: 'ipvsadm',
};

/** The programs that scripts/build.js makes, by the source that each begins with. */
const built = new Map(
  [...text('scripts/build.js').matchAll(/^ {2}(?<name>\w+): '(?<entry>[\w/.-]+)',$/gm)].map(({ groups }) => [
    `/src/dist/${groups?.name}.js`,
    groups?.entry ?? '',
  ]),
);

function finalOf(file: string): Stage {
  const stage = stagesOf(text(file)).at(-1);
  if (stage === undefined) throw new Error(`${file} has no stage`);
  return stage;
}

describe.each(['Dockerfile.agent', 'Dockerfile.aggregator'])('%s', (file) => {
  const stages = stagesOf(text(file));

  it('builds with one Node and runs with the same, of the version that the programs need', () => {
    const { engines } = JSON.parse(text('package.json'));
    const major = engines.node.replace('>=', '');
    expect(stages.map(({ base }) => base)).toEqual([`node:${major}-bookworm-slim`, `node:${major}-bookworm-slim`]);
  });

  it('copies only what is there, and what reaches the builder', () => {
    const taken = stages.flatMap(copiesOf).filter(({ from }) => from === null);
    const sources = taken.flatMap((copy) => copy.sources);
    expect(sources.filter((path) => statSync(join(root, path), { throwIfNoEntry: false }) === undefined)).toEqual([]);
    const allowed = [...text('.dockerignore').matchAll(/^!(?<path>.+)$/gm)].map(({ groups }) => groups?.path);
    expect(sources.filter((path) => !allowed.includes(path.split('/')[0]))).toEqual([]);
  });

  it('has every folder that the bundler reads', () => {
    const copied = copiesOf(stages[0] ?? finalOf(file)).flatMap(({ sources }) => sources);
    expect(copied).toEqual(expect.arrayContaining(['package.json', 'agent', 'aggregator', 'cli', 'proto', 'scripts']));
    const entries = [...built.values()].map((entry) => entry.split('/')[0]);
    expect(entries.filter((folder) => !copied.includes(folder ?? ''))).toEqual([]);
  });

  it('takes from an earlier stage only what that makes', () => {
    expect(lastOf(stages[0] ?? finalOf(file), 'RUN')).toBe('node scripts/build.js');
    const taken = copiesOf(finalOf(file));
    const program = entryOf(file).at(-1)?.replace('/app/', '/src/dist/') ?? '';
    expect(built.has(program)).toBe(true);
    expect(taken).toEqual([{ from: 'build', sources: ['/src/dist/package.json', program], to: '/app/' }]);
  });
});

describe('the agent image', () => {
  it('runs the agent as root with the measured flags', () => {
    const image = finalOf('Dockerfile.agent');
    expect(lastOf(image, 'USER')).toBe('0');
    expect(entryOf('Dockerfile.agent')).toEqual(['node', ...agentNodeFlags, '/app/agent.js']);
    const settings =
      text('Dockerfile.agent')
        .match(/^ENV (.*)$/m)?.[1]
        ?.split(' ') ?? [];
    expect(settings).toEqual(
      expect.arrayContaining(Object.entries(agentNodeEnvironment).map(([name, value]) => `${name}=${value}`)),
    );
  });

  it('has every program that the agent may run', () => {
    const list = /^const programs = \[(?<names>[^\]]+)\]/m.exec(text('agent/host.ts'))?.groups?.names ?? '';
    const programs = [...list.matchAll(/'(?<name>[^']+)'/g)].map(({ groups }) => groups?.name ?? '');
    expect(programs).toContain('iptables-nft-save');
    const install = /install --yes --no-install-recommends (?<names>[\w -]+?)\s+&&/.exec(
      lastOf(finalOf('Dockerfile.agent'), 'RUN'),
    );
    const installed = install?.groups?.names?.split(' ') ?? [];
    const missing = programs.filter((program) => !installed.includes(packageOf[program] ?? 'no package is known'));
    expect(missing).toEqual([]);
    expect([...new Set(programs.map((program) => packageOf[program]))].sort()).toEqual(installed.toSorted());
  });
});

describe('the aggregator image', () => {
  it('runs with the measured flags, as bin/plumbline does', () => {
    expect(entryOf('Dockerfile.aggregator')).toEqual(['node', ...aggregatorNodeFlags, '/app/aggregator.js']);
    expect(text('bin/plumbline')).toContain(`exec "$node" ${aggregatorNodeFlags.join(' ')} "$root/cli/main.ts" "$@"`);
  });

  it('runs as the user of the chart, with a journal folder that it owns', () => {
    const image = finalOf('Dockerfile.aggregator');
    const { runAsUser, runAsGroup } = Object(
      at(renderedChart().the('Deployment'), 'spec.template.spec.securityContext'),
    );
    expect(lastOf(image, 'USER')).toBe(`${runAsUser}:${runAsGroup}`);
    expect(lastOf(image, 'RUN')).toBe(
      `install --directory --owner=${runAsUser} --group=${runAsGroup} --mode=0700 ${lastOf(image, 'VOLUME')}`,
    );
    expect(lastOf(image, 'VOLUME')).toBe('/var/lib/plumbline');
  });

  it('has the program where the chart probes it', () => {
    const probe = 'spec.template.spec.containers.0.readinessProbe.exec.command';
    expect(at(renderedChart().the('Deployment'), probe)).toEqual([
      'node',
      ...entryOf('Dockerfile.aggregator').slice(-1),
      '--probe',
      'readyz',
    ]);
  });
});

function entryOf(file: string): readonly string[] {
  return JSON.parse(lastOf(finalOf(file), 'ENTRYPOINT'));
}
