/** docs/permissions.md tells of every right that the chart asks for, and of no other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rightsOfRole } from './api-rights.ts';
import { at, listAt, type RenderedChart, renderedChart, renderedFile } from './rendered-chart.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/permissions.md'), 'utf8');
const chart = renderedFile('default.yaml');
/** With a certificate of somebody else, which is mounted. */
const restricted = renderedFile('restricted.yaml');
const withRuntime = renderedChart({ 'agent.criSocket': '/run/containerd/containerd.sock' });
const agentPod = at(chart.the('DaemonSet'), 'spec.template.spec');

/** The cells of all rows whose first one is code. */
const rows = [...page.matchAll(/^\| (?<cells>`.+`.*) \|$/gm)].map(({ groups }) => (groups?.cells ?? '').split(' | '));

function codesIn(cell: string): readonly string[] {
  return [...cell.matchAll(/`(?<code>[^`]+)`/g)].map(({ groups }) => groups?.code ?? '');
}

/** The first cells of a certain form. */
function told(form: RegExp): readonly string[] {
  return rows
    .flatMap(([first = '']) => codesIn(first))
    .filter((code) => form.test(code))
    .sort();
}

function mountsOf(of: RenderedChart, kind: 'DaemonSet' | 'Deployment'): readonly string[] {
  const mounts = listAt(of.the(kind), 'spec.template.spec.containers.0.volumeMounts');
  return mounts.map((mount) => String(at(mount, 'mountPath')));
}

describe('the page of permissions tells of', () => {
  it('each capability of the agent', () => {
    expect(told(/^[A-Z_]+$/)).toEqual(listAt(agentPod, 'containers.0.securityContext.capabilities.add').toSorted());
  });

  it('its user, and its network', () => {
    const user = at(agentPod, 'containers.0.securityContext.runAsUser');
    expect(told(/: /)).toEqual([`hostNetwork: ${at(agentPod, 'hostNetwork')}`, `runAsUser: ${user}`]);
  });

  it('each mount of both', () => {
    const mounts = [chart, restricted, withRuntime].flatMap((each) => [
      ...mountsOf(each, 'DaemonSet'),
      ...mountsOf(each, 'Deployment'),
    ]);
    expect(told(/^\//)).toEqual([...new Set(mounts)].sort());
  });

  it('each right of the aggregator in the API', () => {
    const roles = chart.manifests.filter(
      ({ kind, metadata }) => kind.endsWith('Role') && !/-(viewer|snapshot|metrics|command-line)$/.test(metadata.name),
    );
    const asked = roles.flatMap((role) =>
      listAt(role, 'rules').flatMap((rule) =>
        listAt(rule, 'resources').map((resource) => `${resource}: ${listAt(rule, 'verbs').join(' ')}`),
      ),
    );
    const resources = rows.flatMap(([first = '', verbs = '']) =>
      codesIn(first)
        .filter((code) => /^[a-z]+$/.test(code))
        .map((code) => `${code}: ${codesIn(verbs).join(' ')}`),
    );
    expect(resources.sort()).toEqual(asked.sort());
  });

  it('each role for people', () => {
    const roles = chart.manifests.filter(
      ({ kind, metadata }) => kind.endsWith('Role') && /-(viewer|snapshot|metrics|command-line)$/.test(metadata.name),
    );
    expect(told(/^RELEASE-/)).toEqual(roles.map(({ metadata }) => metadata.name.replace('audit', 'RELEASE')).sort());
    expect(roles.filter((role) => rightsOfRole(role).length === 0)).toEqual([]);
  });

  it('something for each: what it is for, and what is unknown without it', () => {
    expect(rows.filter((cells) => cells.length < 3 || cells.some((cell) => cell.trim() === ''))).toEqual([]);
  });
});
