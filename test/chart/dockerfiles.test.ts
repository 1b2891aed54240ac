/** What an image builder would make of the Dockerfiles; no registry is asked. The agent's root is run in test/kernel. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hostPrograms } from '../../agent/host-programs.ts';
import { agentNodeEnvironment, agentNodeFlags } from '../../agent/node-flags.ts';
import { aggregatorNodeFlags } from '../../aggregator/node-flags.ts';
import { at, renderedChart } from './rendered-chart.ts';
import { type Copy, copiesOf, lastOf, type Stage, stagesOf } from './dockerfile.ts';

const root = join(import.meta.dirname, '../..');
const place = mkdtempSync(join(tmpdir(), 'plumbline-images-'));
const text = (path: string) => readFileSync(join(root, path), 'utf8');

afterAll(() => rmSync(place, { recursive: true, force: true }));

/** Which Debian package (bookworm) has each program that the agent runs, and what it needs beside them. */
const packageOf: Readonly<Record<(typeof hostPrograms)[number], string>> = {
  'iptables-legacy-save': 'iptables',
  'ip6tables-legacy-save': 'iptables',
  'iptables-nft-save': 'iptables',
  'ip6tables-nft-save': 'iptables',
  nft: 'nftables',
  ip: 'iproute2',
  bridge: 'iproute2',
  ethtool: 'ethtool',
  cat: 'coreutils',
  stdbuf: 'coreutils',
  setpriv: 'util-linux',
  conntrack: 'conntrack',
  ipset: 'ipset',
  ipvsadm: 'ipvsadm',
};
const besidePrograms = ['netbase', 'tini'];

/** The programs that scripts/build.js makes, by the source that each begins with. */
const built = new Map(
  [
    ...(/^const programs = \{$.*?^\};$/ms.exec(text('scripts/build.js'))?.[0] ?? '').matchAll(
      /^ {2}(?<name>\w+): '(?<entry>[\w/.-]+)',$/gm,
    ),
  ].map(({ groups }) => [`/src/dist/${groups?.name}.js`, groups?.entry ?? '']),
);

function stagesIn(file: string) {
  const [build, root, final] = stagesOf(text(file));
  if (build === undefined || root === undefined || final === undefined) throw new Error(`${file} has no three stages`);
  return { build, root, final };
}

function entryOf(file: string): readonly string[] {
  return JSON.parse(lastOf(stagesIn(file).final, 'ENTRYPOINT'));
}

describe.each([
  ['Dockerfile.agent', 'agent'],
  ['Dockerfile.aggregator', 'aggregator'],
])('%s', (file, name) => {
  const { build, root: rootStage, final } = stagesIn(file);

  it('builds with the Node that the programs need, and ends with nothing but what is copied', () => {
    const { engines } = JSON.parse(text('package.json'));
    const bases = [build, rootStage, final].map(({ base }) => base.replace(/@sha256:[0-9a-f]{64}$/, ''));
    expect(bases).toEqual([`node:${engines.node.replace('>=', '')}-bookworm-slim`, 'build', 'scratch']);
    expect(final.instructions.filter(({ word }) => word === 'RUN')).toEqual([]);
  });

  it('copies only what is there, and what reaches the builder', () => {
    const taken = [build, rootStage, final].flatMap(copiesOf).filter(({ from }) => from === null);
    const sources = taken.flatMap((copy) => copy.sources);
    expect(sources.filter((path) => statSync(join(root, path), { throwIfNoEntry: false }) === undefined)).toEqual([]);
    const allowed = [...text('.dockerignore').matchAll(/^!(?<path>.+)$/gm)].map(({ groups }) => groups?.path);
    expect(sources.filter((path) => !allowed.includes(path.split('/')[0]))).toEqual([]);
  });

  it('has every folder that the bundler reads', () => {
    const copied = copiesOf(build).flatMap(({ sources }) => sources);
    expect(copied).toEqual(expect.arrayContaining(['package.json', 'agent', 'aggregator', 'cli', 'proto', 'scripts']));
    const entries = [...built.values()].map((entry) => entry.split('/')[0]);
    expect(entries.filter((folder) => !copied.includes(folder ?? ''))).toEqual([]);
  });

  it('is made of the root, and of one file that the bundler makes', () => {
    expect(lastOf(build, 'RUN')).toBe('node scripts/build.js');
    expect(runsOf(rootStage)).toContain(`node scripts/image-root.ts ${name} /image`);
    const program = `/src/dist/${name}.js`;
    expect(built.has(program)).toBe(true);
    const expected: readonly Partial<Copy>[] = [
      { from: 'root', sources: ['/image/'], to: '/' },
      { from: 'build', sources: ['/src/dist/package.json', program], to: '/app/' },
    ];
    expect(copiesOf(final).filter(({ flags }) => flags.length === 0)).toEqual(
      expected.map((copy) => ({ ...copy, flags: [] })),
    );
    expect(entryOf(file).at(-1)).toBe(`/app/${name}.js`);
  });
});

function runsOf(stage: Stage): readonly string[] {
  return stage.instructions.filter(({ word }) => word === 'RUN').map(({ rest }) => rest);
}

describe('the agent image', () => {
  const { root: rootStage, final } = stagesIn('Dockerfile.agent');

  it('runs the agent as root with the measured flags, below a process that ends orphans', () => {
    expect(lastOf(final, 'USER')).toBe('0:0');
    expect(entryOf('Dockerfile.agent')).toEqual([
      ...['/usr/bin/tini', '--', '/usr/bin/node'],
      ...agentNodeFlags,
      '/app/agent.js',
    ]);
    expect(lastOf(final, 'ENV').split(' ')).toEqual(
      expect.arrayContaining(Object.entries(agentNodeEnvironment).map(([name, value]) => `${name}=${value}`)),
    );
  });

  it('installs the packages of every program that the agent may run, and no others', () => {
    const install = /install --yes --no-install-recommends (?<names>[\w -]+)$/.exec(runsOf(rootStage)[0] ?? '');
    const needed = new Set([...hostPrograms.map((program) => packageOf[program]), ...besidePrograms]);
    expect(install?.groups?.names?.split(' ')).toEqual([...needed].sort());
  });
});

describe('the aggregator image', () => {
  const { root: rootStage, final } = stagesIn('Dockerfile.aggregator');

  it('runs with the measured flags, as bin/plumbline does', () => {
    expect(entryOf('Dockerfile.aggregator')).toEqual(['/usr/bin/node', ...aggregatorNodeFlags, '/app/aggregator.js']);
    expect(text('bin/plumbline')).toContain(`exec "$node" ${aggregatorNodeFlags.join(' ')} "$root/cli/main.ts" "$@"`);
  });

  it('runs as the user of the chart, with a journal folder that it owns', () => {
    const { runAsUser, runAsGroup } = Object(
      at(renderedChart().the('Deployment'), 'spec.template.spec.securityContext'),
    );
    expect(lastOf(final, 'USER')).toBe(`${runAsUser}:${runAsGroup}`);
    const owner = `--chown=${runAsUser}:${runAsGroup}`;
    const journal = { from: 'root', flags: [owner, '--chmod=0700'], sources: ['/journal'], to: '/var/lib/plumbline' };
    expect(copiesOf(final)).toContainEqual(journal);
    expect(lastOf(rootStage, 'RUN')).toContain(' /journal');
    expect(lastOf(final, 'VOLUME')).toBe(journal.to);
  });

  it('has a root with Node and the libraries of Node: no shell, and nothing that was not asked for', () => {
    const image = join(place, 'aggregator');
    const made = spawnSync(process.execPath, ['scripts/image-root.ts', 'aggregator', image], { cwd: root });
    expect([made.status, `${made.stderr}`]).toEqual([0, '']);
    expect(
      ['bin/sh', 'bin/bash', 'usr/bin/env', 'usr/bin/apt-get'].filter((path) => existsSync(join(image, path))),
    ).toEqual([]);
    const programs = spawnSync('find', [join(image, 'usr/bin/'), join(image, 'usr/sbin/'), '-type', 'f']);
    expect(`${programs.stdout}`.trim()).toBe(join(image, 'usr/bin/node'));
  });
});

describe('npm run image-digests', () => {
  const digest = `sha256:${'5'.repeat(64)}`;

  function runWith(docker: string, folder: string) {
    const bin = mkdtempSync(join(place, 'bin-'));
    writeFileSync(join(bin, 'docker'), `#!/bin/sh\n${docker}\n`, { mode: 0o755 });
    for (const file of ['Dockerfile.agent', 'Dockerfile.aggregator']) cpSync(join(root, file), join(folder, file));
    const env = { PATH: `${bin}:/usr/bin:/bin` };
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts/image-digests.js'), folder], {
      env,
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  }

  it('writes what the registry says today behind every tag, and nothing else', () => {
    const folder = mkdtempSync(join(place, 'digests-'));
    const image = 'node:24-bookworm-slim';
    expect(runWith(`echo ${digest}`, folder)).toEqual({ status: 0, stdout: `${image}@${digest}\n`, stderr: '' });
    for (const file of ['Dockerfile.agent', 'Dockerfile.aggregator']) {
      const expected = text(file).replace(/^FROM node:24-bookworm-slim(@\S+)?/m, `FROM ${image}@${digest}`);
      expect(readFileSync(join(folder, file), 'utf8')).toBe(expected);
    }
  });

  it('changes nothing where a digest cannot be had, and says why', () => {
    const folder = mkdtempSync(join(place, 'digests-'));
    const { status, stderr } = runWith('echo no way to the registry >&2; exit 1', folder);
    expect(status).toBe(1);
    expect(stderr).toContain('no way to the registry');
    expect(readFileSync(join(folder, 'Dockerfile.agent'), 'utf8')).toBe(text('Dockerfile.agent'));
  });
});
