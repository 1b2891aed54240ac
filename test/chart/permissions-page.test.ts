/** docs/permissions.md tells of every right that the chart asks for, and of no other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { at, listAt, renderedChart } from './rendered-chart.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/permissions.md'), 'utf8');
const chart = renderedChart();
const agentPod = at(chart.the('DaemonSet'), 'spec.template.spec');
const aggregatorPod = at(chart.the('Deployment'), 'spec.template.spec');

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

describe('the page of permissions tells of', () => {
  it('each capability of the agent', () => {
    expect(told(/^[A-Z_]+$/)).toEqual(listAt(agentPod, 'containers.0.securityContext.capabilities.add').toSorted());
  });

  it('its user, and its network', () => {
    const user = at(agentPod, 'containers.0.securityContext.runAsUser');
    expect(told(/: /)).toEqual([`hostNetwork: ${at(agentPod, 'hostNetwork')}`, `runAsUser: ${user}`]);
  });

  it('each mount of both', () => {
    const mounts = [agentPod, aggregatorPod].flatMap((pod) => listAt(pod, 'containers.0.volumeMounts'));
    expect(told(/^\//)).toEqual(mounts.map((mount) => String(at(mount, 'mountPath'))).sort());
  });

  it('each right in the API', () => {
    const rules = ['ClusterRole', 'Role'].flatMap((kind) => listAt(chart.the(kind), 'rules'));
    const asked = rules.flatMap((rule) =>
      listAt(rule, 'resources').map((resource) => `${resource}: ${listAt(rule, 'verbs').join(' ')}`),
    );
    const resources = rows.flatMap(([first = '', verbs = '']) =>
      codesIn(first)
        .filter((code) => /^[a-z]+$/.test(code))
        .map((code) => `${code}: ${codesIn(verbs).join(' ')}`),
    );
    expect(resources.sort()).toEqual(asked.sort());
  });

  it('something for each: what it is for, and what is unknown without it', () => {
    expect(rows.filter((cells) => cells.length < 3 || cells.some((cell) => cell.trim() === ''))).toEqual([]);
  });
});
