import { describe, expect, it } from 'vitest';
import { brokenImports, importRules } from './import-rules.ts';
import { importsOf, sourceFiles } from './source-files.ts';

/** For each rule one file that breaks it. */
const offenders: Readonly<Record<string, { readonly path: string; readonly text: string }>> = {
  'model imports only types of proto': {
    path: 'aggregator/model/offender.ts',
    text: "import { parseAddress } from '../../proto/address.ts';",
  },
  'checks import model and proto only': {
    path: 'aggregator/checks/offender.ts',
    text: "import { drift } from '../audit/drift.ts';",
  },
  'audit imports model and proto only': {
    path: 'aggregator/audit/offender.ts',
    text: "import { readState } from '../cluster/state.ts';",
  },
  'diagnose imports what is pure only': {
    path: 'aggregator/diagnose/offender.ts',
    text: "import { checks } from '../checks/index.ts';",
  },
  'the engine knows no shell': {
    path: 'aggregator/engine/offender.ts',
    text: "import { openJournal } from '../journal/open-journal.ts';",
  },
  'shells do not import main': {
    path: 'aggregator/http/offender.ts',
    text: "import { config } from '../config.ts';",
  },
  'the page knows the API, and no server': {
    path: 'aggregator/web/offender.tsx',
    text: "import { problems } from '../http/errors.ts';",
  },
  'the agent never imports the aggregator': {
    path: 'agent/offender.ts',
    text: "import type { Finding } from '../aggregator/model/finding.ts';",
  },
  'the aggregator never imports the agent': {
    path: 'aggregator/cluster/offender.ts',
    text: "export { observe } from '../../agent/observe.ts';",
  },
  'proto imports neither side': {
    path: 'proto/offender.ts',
    text: "import type { Host } from '../agent/host.ts';",
  },
  'the parser stands alone': {
    path: 'agent/node-iptables-parse/offender.ts',
    text: "import { parsePrefix } from '../../proto/address.ts';",
  },
  'the parser is imported by its name': {
    path: 'agent/dataplane/offender.ts',
    text: "import { RulesetReader } from '../node-iptables-parse/reader.ts';",
  },
  'pure folders import no outside package': {
    path: 'aggregator/audit/offender.ts',
    text: "import {\n  hash,\n  randomUUID,\n} from 'node:crypto';",
  },
  'every outside package has one owner': {
    path: 'agent/collectors/offender.ts',
    text: "import { readFileSync } from 'node:fs';",
  },
  'no program imports tests': {
    path: 'cli/offender.ts',
    text: "const { recordingFolder } = await import('../test/recordings.ts');",
  },
};

describe('the dependency rules', () => {
  it('hold in every file of the programs', () => {
    expect(brokenImports(sourceFiles())).toEqual([]);
  });

  it('read the files that there are', () => {
    expect([...sourceFiles().keys()]).toEqual(expect.arrayContaining(['agent/host.ts', 'aggregator/model/check.ts']));
  });

  it.each(importRules)('catch a file that breaks "$name", and say why', ({ name, reason }) => {
    const offender = offenders[name] ?? { path: 'none', text: '' };
    const caught = brokenImports(new Map([[offender.path, offender.text]]));
    expect(caught.filter((line) => line.startsWith(`${name}: ${offender.path} imports `))).toHaveLength(1);
    expect(caught.filter((line) => line.endsWith(`(${reason})`))).toHaveLength(1);
  });

  it('bind no test', () => {
    const text = "import { recordingFolder } from '../test/recordings.ts';";
    expect(brokenImports(new Map([['agent/observe.test.ts', text]]))).toEqual([]);
  });
});

describe('the imports of a file', () => {
  it('are found in every form that Biome prints', () => {
    const text = [
      "import 'node:fs';",
      "import type { Family } from '../proto/address.ts';",
      "import {\n  type Host,\n  type RunResult as Run,\n} from './host.ts';",
      "import yaml, { parse } from 'yaml';",
      "import * as ipaddr from '@scope/name/file.js';",
      "export type { Part } from '../proto/parts.ts';",
      "export const later = () => import('./later.ts');",
      "// import { no } from './comment.ts';",
    ].join('\n');
    expect(importsOf('agent/some.ts', text)).toEqual([
      { from: 'agent/some.ts', to: { package: 'node:fs' }, names: [], typeOnly: false },
      { from: 'agent/some.ts', to: { file: 'proto/address.ts' }, names: ['Family'], typeOnly: true },
      { from: 'agent/some.ts', to: { file: 'agent/host.ts' }, names: ['Host', 'RunResult'], typeOnly: true },
      { from: 'agent/some.ts', to: { package: 'yaml' }, names: ['parse'], typeOnly: false },
      { from: 'agent/some.ts', to: { package: '@scope/name' }, names: [], typeOnly: false },
      { from: 'agent/some.ts', to: { file: 'proto/parts.ts' }, names: ['Part'], typeOnly: true },
      { from: 'agent/some.ts', to: { file: 'agent/later.ts' }, names: [], typeOnly: false },
    ]);
  });
});
