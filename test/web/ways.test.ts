/** A trace and the matrix in a real browser: what is asked stands in the URL, what is broken is open, big is normal. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DiagnosisAnswer } from '../../aggregator/model/diagnosis.ts';
import type { AuditRecord } from '../../aggregator/model/record.ts';
import { launchBrowser, picture, type Served, serve, show } from './browser.ts';
import { sampleOptions, sampleRecord, staleWeb } from './sample-record.ts';
import { largeGrid } from './sample-ways.ts';

let browser: Browser;
let served: Served;
const record = sampleRecord();
const asked = '/trace?from=pod%2Fshop%2Fcart-0&to=svc%2Fshop%2Fweb%3Ahttp';

beforeAll(async () => {
  browser = await launchBrowser();
  served = await serve(sampleOptions(record));
});

afterAll(async () => {
  await served?.close();
  await browser?.close();
});

describe('a trace', () => {
  it('is asked by a form, and stands in the URL', async () => {
    const { page, close } = await show(browser, `${served.url}/trace`);
    await page.getByLabel('From').fill(' pod/shop/cart-0 ');
    await page.getByLabel('To', { exact: true }).fill('svc/shop/web:http');
    await page.getByRole('button', { name: 'Trace' }).click();
    await page.waitForURL(`${served.url}${asked}`);
    await page.getByText('Layer by layer').waitFor();
    expect(await page.getByLabel('From').inputValue()).toBe('pod/shop/cart-0');
    await close();
  });

  it('is open at the layer that broke first, and no other; what mends it is copied by c', async () => {
    const { page, close } = await show(browser, `${served.url}${asked}`);
    await page.getByText('Layer by layer').waitFor();
    expect(await page.locator('.rungs > li').count()).toBe(5);
    expect(await page.locator('.rungs details[open] summary b').allTextContents()).toEqual(['L3']);
    expect(await page.locator('.rungs summary .verdict').evaluateAll((all) => all.map((it) => it.ariaLabel))).toEqual([
      'holds',
      'holds',
      'broken',
      'not looked at',
      'not known',
    ]);
    await page.locator('body').press('c');
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(staleWeb.remediation[0]?.command);
    await close();
  });

  it('is one press from a finding that names two ends', async () => {
    const { page, close } = await show(browser, `${served.url}/findings/${staleWeb.fingerprint}`);
    await page.getByRole('link', { name: 'Which layer broke first' }).click();
    await page.waitForURL(/\/trace\?from=node%2Fnode-b&to=svc%2Fshop%2Fweb/);
    await close();
  });
});

/** As aggregator/diagnose/ends.ts says it. */
const severalPods: DiagnosisAnswer = {
  ok: false,
  parameter: 'from',
  problem:
    'deployment/shop/cart is a workload, and what breaks may be on one node alone: ask about one pod. It has pod/shop/cart-0 and pod/shop/cart-1.',
};

describe('the matrix', () => {
  it('says the pair under the keys, lists what differs and what is denied, and leads to the trace', async () => {
    const answering: AuditRecord = {
      ...record,
      diagnose: (question) => (question.from.startsWith('deployment/') ? severalPods : record.diagnose(question)),
    };
    const answers = await serve({ record: answering });
    const { page, close } = await show(browser, `${answers.url}/matrix`);
    const grid = page.getByRole('img', { name: /Grid of 3 workloads and 3 targets/ });
    await page.getByText('Predicted allowed; 11 of 20 probes were answered, from node-b.').waitFor();
    await page.getByText('db/default-deny egress').waitFor();
    await grid.focus();
    await page.keyboard.press('ArrowRight');
    await page.getByText('deployment/shop/cart to svc/shop/web: a probe differs from what is predicted').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(`${answers.url}/trace?from=deployment%2Fshop%2Fcart&to=svc%2Fshop%2Fweb`);
    await page.getByRole('link', { name: 'Ask about pod/shop/cart-0' }).click();
    await page.waitForURL(`${answers.url}/trace?from=pod%2Fshop%2Fcart-0&to=svc%2Fshop%2Fweb`);
    await page.getByText('Layer by layer').waitFor();
    await close();
    await answers.close();
  });

  it('of a quarter of a million pairs is one canvas', async () => {
    const large = await serve({ record: { ...record, matrixGrid: async () => largeGrid() } });
    const { page, faults, close } = await show(browser, `${large.url}/matrix`);
    await page.getByRole('img', { name: /Grid of 500 workloads and 500 targets/ }).waitFor();
    expect(faults).toEqual([]);
    expect(await page.locator('main *').count()).toBeLessThan(200);
    await page.waitForFunction("document.querySelector('canvas').width >= 1000");
    await picture(page, 'matrix-large');
    await close();
    await large.close();
  });
});
