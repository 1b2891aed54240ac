import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { severities } from '../../aggregator/model/finding.ts';
import { promtool } from './promtool.ts';
import { alerts, root, ruleFile, rules } from './rule-file.ts';

const place = mkdtempSync(join(tmpdir(), 'plumbline-rules-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** Runs a file of test cases with these rules. */
function tested(file: string, rulesText: string) {
  const [rulesPath, casesPath] = [join(place, 'rules.yaml'), join(place, file)];
  writeFileSync(rulesPath, rulesText);
  writeFileSync(casesPath, readFileSync(join(import.meta.dirname, file), 'utf8').replace('RULES', rulesPath));
  return promtool(['test', 'rules', casesPath]);
}

const text = readFileSync(ruleFile, 'utf8');

describe('the alert rules', () => {
  it('are taken by Prometheus, every one', () => {
    expect(promtool(['check', 'rules', ruleFile])).toEqual({
      status: 0,
      words: expect.stringContaining(`SUCCESS: ${rules().length} rules found`),
    });
    expect(rules().length).toBeGreaterThan(15);
  });

  it.each(['finding-alerts.yaml', 'own-alerts.yaml', 'day-long-alerts.yaml'])('do over time what %s says', (file) => {
    expect(tested(file, text)).toEqual({ status: 0, words: expect.stringContaining('SUCCESS') });
  });

  it.each([
    ['finding-alerts.yaml', 'last_over_time(plumbline_finding_group_nodes[15m])', 'plumbline_finding_group_nodes'],
    [
      'finding-alerts.yaml',
      'max without (instance, pod) (plumbline_finding_group_nodes)',
      'plumbline_finding_group_nodes',
    ],
    ['finding-alerts.yaml', '{severity="high"}', ''],
    ['own-alerts.yaml', 'for: 10m', 'for: 1m'],
    ['own-alerts.yaml', 'plumbline:nodes_unknown:ratio > 0.1', 'plumbline:nodes_unknown:ratio > 0.4'],
    ['own-alerts.yaml', 'plumbline:nodes_unknown:count >= 3', 'plumbline:nodes_unknown:count >= 1'],
    ['own-alerts.yaml', 'and on (cluster, job) (plumbline_ready == 1)', ''],
    ['day-long-alerts.yaml', '14 * 86400', '30 * 86400'],
    ['day-long-alerts.yaml', '4 * 3600', '48 * 3600'],
    ['own-alerts.yaml', '> 0.05', '> 0.01'],
    ['own-alerts.yaml', 'and sum by (cluster, job) (rate(coredns_dns_responses_total[5m])) > 1', ''],
    ['own-alerts.yaml', '{rcode="SERVFAIL"}', '{rcode!="NOERROR"}'],
    ['own-alerts.yaml', '(max without (instance, pod) (plumbline_watch_unreadable_objects) > 0)', '(vector(1) > 1)'],
  ])('with a mistake are told from those by %s: %s', (file, right, wrong) => {
    expect(text).toContain(right);
    expect(tested(file, text.replaceAll(right, wrong))).toEqual({
      status: 1,
      words: expect.stringContaining('FAILED'),
    });
  });
});

describe('every alert', () => {
  it('has words and a page that is there, and one of the severities', () => {
    const wanting = alerts().filter(({ annotations = {}, labels = {}, expr }) => {
      const { summary = '', description = '', runbook_url: page = '' } = annotations;
      const severity = labels['severity'] ?? /severity="(?<of>\w+)"/.exec(expr)?.groups?.['of'];
      return (
        [summary, description].includes('') ||
        !/^docs\/runbooks\/(?:plumbline-[a-z-]+|\{\{ \$labels\.check \}\})\.md$/.test(page) ||
        !severities.some((one) => one === severity)
      );
    });
    expect(wanting.map(({ alert }) => alert)).toEqual([]);
  });

  it('is a row of docs/alerts.md with its severity and its wait, and no other is', () => {
    const page = readFileSync(join(root, 'docs/alerts.md'), 'utf8');
    const rows = page.matchAll(/^\| (Plumbline[\w, ]+) \| ([\w ]+) \| ([\w ]+) \|/gm);
    const told = [...rows].flatMap(([, names = '', severity, after]) =>
      names.split(', ').map((name) => [name, severity, after]),
    );
    const are = alerts().map(({ alert, labels = {}, for: wait }) => [
      alert,
      labels['severity'] ?? 'as the finding',
      wait?.replace(/(\d+)m$/, '$1 min').replace(/(\d+)h$/, '$1 h') ?? 'at once',
    ]);
    expect(told.sort()).toEqual(are.sort());
  });
});
