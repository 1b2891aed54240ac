import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { checks } from '../../aggregator/checks/index.ts';
import { buildApp } from '../../aggregator/http/app.ts';
import { auditRecord, nodeRecord, serviceDetail, tracked } from '../../test/audit-record.ts';
import { runCommand } from '../../test/command-run.ts';
import { httpOptions } from '../../test/http-options.ts';

const fingerprint = '00000000000000aa';
const record = auditRecord({
  nodes: [nodeRecord('node-a'), nodeRecord('node-b')],
  services: [serviceDetail('shop/web'), serviceDetail('shop/api')],
  findings: [tracked('stale-endpoint', { fingerprint }), tracked('stale-service', { fingerprint: '00000000000000bb' })],
});
const app = buildApp(httpOptions({ record }));
let url = '';

beforeAll(async () => {
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  // fetch opens connections that it never uses; nobody can tell them from ones that are about to be.
  app.server.closeAllConnections();
  await app.close();
});

async function printed(...args: readonly string[]): Promise<string> {
  const { out } = await runCommand(args, { server: url });
  return out;
}

const heads = (text: string) => text.split('\n')[0]?.split(/ {3,}/) ?? [];

const live = [
  { command: 'findings', kind: 'Finding', names: [fingerprint, '00000000000000bb'] },
  { command: 'nodes', kind: 'Node', names: ['node-a', 'node-b'] },
  { command: 'services', kind: 'Service', names: ['shop/api', 'shop/web'] },
];
const all = [...live, { command: 'checks', kind: 'Check', names: checks.map(({ id }) => id) }];

const nameLines = ({ kind, names }: (typeof all)[number]) => names.map((name) => `${kind.toLowerCase()}/${name}\n`);

describe.each(all)('plumbline $command', ({ command, kind, names }) => {
  const [first = ''] = names;
  const lines = nameLines({ command, kind, names });

  it('prints a list in every form', async () => {
    const [table, wide] = [await printed(command), await printed(command, '-o', 'wide')];
    expect(heads(wide)).toEqual(expect.arrayContaining([...heads(table)]));
    expect(heads(wide).length).toBeGreaterThan(heads(table).length);
    expect(wide.split('\n')).toHaveLength(names.length + 2);
    const json = JSON.parse(await printed(command, '-o', 'json'));
    expect([json.apiVersion, json.kind, json.items.length]).toEqual(['plumbline.dev/v1', `${kind}List`, names.length]);
    expect(parse(await printed(command, '-o', 'yaml'))).toEqual(json);
    expect(await printed(command, '-o', 'name')).toBe(lines.join(''));
  });

  it('prints one of them in every form', async () => {
    const [table, wide] = [await printed(command, first), await printed(command, first, '-o', 'wide')];
    expect(table).toContain(first);
    expect(wide).toContain(first);
    const json = JSON.parse(await printed(command, first, '-o', 'json'));
    expect([json.apiVersion, json.kind]).toEqual(['plumbline.dev/v1', kind]);
    expect(parse(await printed(command, first, '-o', 'yaml'))).toEqual(json);
    expect(await printed(command, first, '-o', 'name')).toBe(lines[0]);
  });

  it('refuses a form that is none', async () => {
    await expect(printed(command, '-o', 'xml')).rejects.toThrow('Allowed choices are table, wide, json, yaml, name.');
  });
});

describe.each(live)('plumbline $command --watch', ({ command, kind, names }) => {
  it('prints in every form, and refuses a single one', async () => {
    const watched = async (form: string, closesAt: RegExp) => {
      const { out } = await runCommand([command, '--watch', '-o', form], { server: url, closesAt });
      return out;
    };
    const { items } = JSON.parse(await printed(command, '-o', 'json'));
    expect(await watched('json', /\}\n$/)).toBe(
      items.map((item: unknown) => `${JSON.stringify(item, null, 2)}\n`).join(''),
    );
    expect(parseAllDocuments(await watched('yaml', /\n/)).map((document) => document.toJS())).toEqual(items);
    expect(await watched('name', /\n/)).toBe(nameLines({ command, kind, names }).join(''));
    expect(heads(await watched('table', /\n/))).toEqual(heads(await printed(command)));
    expect(heads(await watched('wide', /\n/))).toEqual(heads(await printed(command, '-o', 'wide')));
    const { exitCode, out, err } = await runCommand([command, names[0] ?? '', '--watch'], { server: url });
    expect([exitCode, out, err]).toEqual([2, '', expect.stringContaining('--watch is for lists')]);
  });
});
