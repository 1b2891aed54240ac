/** What happens while the page is open. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrackedFinding } from '../../aggregator/model/lifecycle.ts';
import type { AuditEvent } from '../../aggregator/model/record.ts';
import { auditRecord, minutesAgo, nodeRecord, tracked } from '../audit-record.ts';
import { step } from '../journal-entries.ts';
import { launchBrowser, serve, show } from './browser.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
});

function told(finding: TrackedFinding): AuditEvent {
  return { kind: 'finding', transition: step(finding.fingerprint, { kind: 'firing' }), finding };
}

const first = tracked('stale-endpoint', { fingerprint: 'a'.repeat(16), severity: 'high', summary: 'The first.' });
const worse = tracked('proxy-stalled', {
  fingerprint: 'b'.repeat(16),
  severity: 'critical',
  summary: 'A worse one.',
  group: 'b',
});

async function openFindings() {
  const findings = [first];
  const record = auditRecord({ nodes: [nodeRecord('node-b')], findings });
  const served = await serve({ record, heartbeatMs: 200 });
  const shown = await show(browser, `${served.url}/findings`);
  await shown.page.getByText('The first.').waitFor();
  const rows = () => shown.page.locator('tbody a[href^="/findings/"]').allInnerTexts();
  return { ...shown, record, findings, served, rows };
}

describe('the list of findings', () => {
  it('takes in what happens, in the order of what hurts', async () => {
    const { page, record, rows, close, served } = await openFindings();
    record.tell(told(worse));
    await page.getByText('A worse one.').waitFor();
    expect(await rows()).toEqual(['A worse one.', 'The first.']);
    await close();
    await served.close();
  });

  it('moves no row below a pointer that rests on it, and what a row says changes in place', async () => {
    const { page, record, rows, close, served } = await openFindings();
    await page.getByText('The first.').hover();
    record.tell(told(worse));
    record.tell(told({ ...first, summary: 'The first, changed.' }));
    await page.getByText('The first, changed.').waitFor();
    expect(await rows()).toEqual(['The first, changed.', 'A worse one.']);
    await page.mouse.move(5, 5);
    await page.waitForFunction(`document.querySelector('tbody a[href^="/findings/"]')?.textContent === 'A worse one.'`);
    await close();
    await served.close();
  });

  it('says that it stands still when the aggregator is gone, and catches up when it is back', async () => {
    const { page, findings, close, served } = await openFindings();
    const { port } = new URL(served.url);
    await served.close();
    await page.getByText(/Live updates stopped at \d\d:\d\d UTC/).waitFor();
    expect(await page.getByText('The first.').isVisible()).toBe(true);
    const record = auditRecord({ nodes: [nodeRecord('node-b')], findings: [...findings, worse] });
    const again = await serve({ record, heartbeatMs: 200 }, Number(port));
    await page.getByText('A worse one.').waitFor();
    expect(await page.getByText(/Live updates stopped/).count()).toBe(0);
    await close();
    await again.close();
  });
});

describe('an aggregator that has not seen everything', () => {
  it('says so above every view, with what it has not seen', async () => {
    const record = auditRecord({ nodes: [nodeRecord('node-b', { state: 'unknown', lastReadingAt: minutesAgo(9) })] });
    const because = ['watch of services: not synced yet'];
    const served = await serve({ record: { ...record, readiness: () => ({ ready: false, because }) } });
    const { page, close } = await show(browser, `${served.url}/nodes`);
    await page.getByText('The aggregator has not seen everything: watch of services: not synced yet.').waitFor();
    await close();
    await served.close();
  });
});
