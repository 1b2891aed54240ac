/** Big is normal: a cluster of 5,000 nodes and 10,000 findings stays fluent. What was measured is printed. */
import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pageFiles } from '../../aggregator/http/page-files.ts';
import { launchBrowser, picture, type Served, serve, show } from './browser.ts';
import { largeRecord } from './large-record.ts';

let browser: Browser;
let served: Served;

beforeAll(async () => {
  browser = await launchBrowser();
  served = await serve({ record: largeRecord() });
});

afterAll(async () => {
  await served?.close();
  await browser?.close();
});

/** Long tasks of the page from its beginning: https://www.w3.org/TR/longtasks/, over 50 ms each. */
async function longTasks(page: Page): Promise<readonly number[]> {
  return page.evaluate(`new Promise((resolve) => {
    const durations = [];
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) durations.push(Math.round(duration));
    }).observe({ type: 'longtask', buffered: true });
    setTimeout(() => resolve(durations), 200);
  })`);
}

async function drawnRows(page: Page): Promise<number> {
  return page.locator('tbody tr:not(.gap)').count();
}

/** Scrolls through all of a list as a hand would, and says how long the slowest of its frames was, in ms. */
async function slowestFrame(page: Page): Promise<number> {
  return page.evaluate(`new Promise((resolve) => {
    let last = performance.now();
    let slowest = 0;
    let frames = 0;
    const scroll = (at) => {
      slowest = Math.max(slowest, at - last);
      last = at;
      window.scrollBy(0, 3000);
      if (++frames < 90) requestAnimationFrame(scroll);
      else resolve(Math.round(slowest));
    };
    requestAnimationFrame((at) => { last = at; requestAnimationFrame(scroll); });
  })`);
}

describe('a large cluster', () => {
  it('has an overview that is there at once, with all of its nodes on the map', async () => {
    const { page, faults, close } = await show(browser, `${served.url}/`);
    await page.getByRole('img', { name: /Map of 5000 nodes by layer/ }).waitFor();
    const tasks = await longTasks(page);
    console.info(`overview of 5,000 nodes: long tasks of ${tasks.join(', ') || 'none'} ms`);
    expect([faults, Math.max(0, ...tasks) < 500]).toEqual([[], true]);
    await picture(page, 'overview-large');
    await close();
  });

  it('has a list of 10,000 findings of which few rows are drawn, and that scrolls', async () => {
    const { page, faults, close } = await show(browser, `${served.url}/findings`);
    await page.getByText('10,000 of 10,000 findings').waitFor();
    expect(await page.getByRole('table').getAttribute('aria-rowcount')).toBe('10001');
    const tasks = await longTasks(page);
    const slowest = await slowestFrame(page);
    console.info(
      `10,000 findings: long tasks of ${tasks.join(', ') || 'none'} ms, slowest frame of scrolling ${slowest} ms`,
    );
    expect(await drawnRows(page)).toBeLessThan(80);
    expect([faults, Math.max(0, ...tasks) < 500, slowest < 500]).toEqual([[], true, true]);
    await page.keyboard.press('j');
    await picture(page, 'findings-large');
    await close();
  });

  it('has a list of 5,000 nodes, filtered by pressing', async () => {
    const { page, faults, close } = await show(browser, `${served.url}/nodes`);
    await page.getByRole('button', { name: 'unknown 100' }).click();
    await page.getByRole('table').and(page.locator('[aria-rowcount="101"]')).waitFor();
    expect([faults, (await drawnRows(page)) < 80]).toEqual([[], true]);
    await close();
  });
});

describe('what a browser must load', () => {
  it('is under 100 kB of script, packed, and of nobody else', () => {
    const scripts = [...pageFiles()].filter(([name]) => name.endsWith('.js'));
    const packed = scripts.reduce((sum, [, content]) => sum + gzipSync(content).length, 0);
    console.info(`script of the page: ${packed} bytes, packed`);
    expect([scripts.length, packed < 100_000]).toEqual([1, true]);
  });
});
