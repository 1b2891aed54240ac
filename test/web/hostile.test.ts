/**
 * Three hundred hostile strings in every place where a name, a label, an interface or a rule's comment could bring them
 * in, on every view: shown as text, nothing is executed, nothing is asked of anybody else.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Subject } from '../../aggregator/model/finding.ts';
import type { TrackedFinding } from '../../aggregator/model/lifecycle.ts';
import type { NodeDetail, ServiceDetail } from '../../aggregator/model/record.ts';
import { auditRecord, nodeRecord, serviceDetail, tracked } from '../audit-record.ts';
import { hostileStrings } from '../hostile-strings.ts';
import { hostileWays } from './hostile-ways.ts';
import { launchBrowser, type Served, serve, show } from './browser.ts';

/** All of them in one finding and one Service would be too much for one view; a tenth at a time is not. */
const perView = 30;
const portions = Array.from({ length: hostileStrings.length / perView }, (_, at) =>
  hostileStrings.slice(at * perView, (at + 1) * perView),
);

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
});

function subjectsOf(name: string): readonly Subject[] {
  return [
    { kind: 'Service', namespace: name, name, port: name, protocol: name },
    { kind: 'Pod', namespace: name, name },
    { kind: 'NetworkPolicy', namespace: name, name },
    { kind: 'Link', name },
    { kind: 'Peer', name },
    { kind: 'Address', name },
  ];
}

/** Whatever a node or the API could say of itself is hostile. The first of each text has everything else with it. */
function findingsOf(texts: readonly string[]): readonly TrackedFinding[] {
  const subjects = texts.flatMap((text) => subjectsOf(text).map((subject) => ({ text, subject })));
  return subjects.map(({ text, subject }, at) =>
    tracked('stale-endpoint', {
      fingerprint: at.toString(16).padStart(16, '0'),
      node: text,
      group: `${subject.kind} ${text}`,
      subject,
      summary: text,
      unknownBecause: text,
      acceptedUntil: text,
      evidence: subject.kind === 'Service' ? texts.flatMap((each) => evidenceOf(each, text)) : [],
      remediation: [{ command: text, effect: text }],
    }),
  );
}

function evidenceOf(each: string, text: string): TrackedFinding['evidence'] {
  return [
    { kind: 'forwarding', frontend: each, wanted: text, real: each },
    { kind: 'backend', frontend: text, backend: each, state: 'stale' },
    { kind: 'rule', table: text, rule: each, note: text },
    { kind: 'fact', name: each, value: text },
  ];
}

function servicesOf(texts: readonly string[]): readonly ServiceDetail[] {
  const versions = texts.map((text) => ({
    verdict: 'drifted' as const,
    does: text,
    showsStateOf: text,
    count: 1,
    nodes: [text],
  }));
  const frontends = texts.map((text) => ({ frontend: text, kind: text, versions }));
  const hostile = texts.map((text) => ({
    ...serviceDetail('shop/web'),
    namespace: text,
    name: text,
    type: text,
    ports: [text],
  }));
  return [serviceDetail('shop/web', { clusterIPs: texts, ports: texts, frontends }), ...hostile];
}

async function serveHostile(texts: readonly string[]): Promise<Served> {
  const nodes = texts.map((text) =>
    nodeRecord(text, { mode: text, agentVersion: text, kubeProxyVersion: text, unknownBecause: [text] }),
  );
  const known: Omit<NodeDetail, 'parts' | 'kubeProxy'> = {
    ...nodeRecord('node-b', { mode: texts.join(), unknownBecause: texts, kubeProxyVersion: texts.join() }),
    layers: [{ layer: 'L1', state: 'unknown', because: texts }],
    network: texts.map((text) => ({ layer: 'L1', name: text, value: text })),
  };
  const record = auditRecord({
    nodes: [...nodes, known],
    findings: findingsOf(texts),
    services: servicesOf(texts),
    ...hostileWays(texts),
  });
  return serve({ record: { ...record, readiness: () => ({ ready: false, because: texts }) } });
}

const views = [
  '/',
  '/findings',
  '/findings?group=node',
  '/findings?group=service',
  '/findings/0000000000000000',
  '/nodes',
  '/nodes/node-b',
  '/services',
  '/services/shop/web',
];

/** Each is shown once with all the strings: they are many where a view shows a list of them. */
const ways = [
  '/trace?from=pod/a/b&to=%3Cimg%20src%3Dx%20onerror%3D%22stolen%3D1%22%3E',
  '/matrix?namespace=%3Cscript%3Estolen%3D1%3C%2Fscript%3E',
];

/** What a script that ran would have left, and markup that was taken for markup. */
async function harm(page: Page): Promise<readonly unknown[]> {
  return [
    await page.evaluate('window.stolen ?? null'),
    await page
      .locator(
        'main script, main img, main iframe, main object, main embed, main svg, main base, main meta, main link, main style',
      )
      .count(),
    await page.locator('main [onerror], main [onload], main [onfocus], main [href^="javascript:" i]').count(),
  ];
}

describe.each(portions.map((texts, at) => [at * perView, texts] as const))('hostile strings from %i on', (_, texts) => {
  it('are text on every view', async () => {
    const served = await serveHostile(texts);
    for (const view of views) {
      const { page, faults, strayed, close } = await show(browser, `${served.url}${view}`);
      await page.locator('main h1').first().waitFor();
      expect([view, await harm(page)]).toEqual([view, [null, 0, 0]]);
      // Of what the browser refused by its policy nothing is left to refuse: nothing was tried.
      expect([view, faults, strayed]).toEqual([view, [], []]);
      await close();
    }
    await served.close();
  });
});

describe('hostile strings in a trace and in the matrix', () => {
  it('are text', async () => {
    const served = await serve({ record: auditRecord(hostileWays(hostileStrings)) });
    for (const view of ways) {
      const { page, faults, strayed, close } = await show(browser, `${served.url}${view}`);
      await page.locator('main h1').first().waitFor();
      expect([view, await harm(page), faults, strayed]).toEqual([view, [null, 0, 0], [], []]);
      await close();
    }
    await served.close();
  });
});

describe('a hostile string', () => {
  it('is shown whole, as what it is', async () => {
    const texts = hostileStrings.filter((text) => /^[\x20-\x7e]{1,80}$/.test(text)).slice(0, 20);
    const served = await serveHostile(texts);
    const { page, close } = await show(browser, `${served.url}/findings/0000000000000000`);
    await page.getByText('Is it true?').waitFor();
    const shown = await page.locator('main').textContent();
    expect(texts.filter((text) => !(shown ?? '').includes(text))).toEqual([]);
    await close();
    await served.close();
  });
});
