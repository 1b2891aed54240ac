/** The page of this folder, made of what the tests hold: expected/ and evidence.ts. */
import { checks } from '../../aggregator/checks/index.ts';
import { type CheckEvidence, evidence, type Shown } from './evidence.ts';
import { scenarios } from './expected/index.ts';
import type { Scenario, Told } from './expected/scenario.ts';

const head = `<!-- Made by npm run scenarios-readme; do not edit. -->
# Scenarios

Whole audits of recorded clusters, through all the real code from the files to the findings. First each recording with all that an audit finds in it and why that is deserved; then, for each check, where it fires and what looks alike and must not be told. \`test/recordings/README.md\` says how they were recorded.

In every recording the Service \`shop/typo\` has a slip in its selector, which deserves its finding; the state of a node does not depend on findings about the API's objects alone.
`;

/** The whole page. */
export function renderReadme(): string {
  const rows = checks.map(({ id }) => row(id, evidence[id])).sort();
  return [
    head,
    ...scenarios.map(section),
    '## Where each check fires, and where it must not',
    '',
    'Most near misses are the false positives that are known of that fault. A recording that is changed is changed by what is named here.',
    '',
    '| Check | Fires | Must not |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function section({ title, truth, nodes, told }: Scenario): string {
  const states = Object.entries(nodes).map(([name, state]) => `${name} ${state}`);
  return [
    `## ${title}`,
    '',
    truth,
    '',
    `Nodes: ${states.join('; ')}.`,
    '',
    '| Where | Finding | About | Below | Why |',
    '| --- | --- | --- | --- | --- |',
    ...told.map(findingRow),
    '',
  ].join('\n');
}

function findingRow({ node, check, severity, state, subjects, under, why }: Told): string {
  const unknown = state === 'unknown' ? ', unknown' : '';
  const cells = [node ?? 'cluster', `${check} (${severity}${unknown})`, subjects.join(', '), under ?? '', why];
  return `| ${cells.join(' | ')} |`;
}

function row(id: string, shown: CheckEvidence | undefined): string {
  return `| ${id} | ${shown === undefined ? ' | ' : `${cell(shown.fires)} | ${cell(shown.mustNot)}`} |`;
}

function cell({ file, test, from }: Shown): string {
  return test === from ? `\`${file}\`: ${test}` : `\`${file}\`: ${test} (from: ${from})`;
}
