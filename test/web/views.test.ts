/** Each view in a real browser: what it says first, that it is worked by keyboard and on a phone, what it looks like. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser, picture, screens, type Served, serve, type Showing, show } from './browser.ts';
import { sampleFindings, sampleOptions, sampleRecord, stalled, staleWeb } from './sample-record.ts';
import { sampleDiagnosis } from './sample-ways.ts';

let browser: Browser;
let served: Served;
const record = sampleRecord();

beforeAll(async () => {
  browser = await launchBrowser();
  served = await serve(sampleOptions(record));
});

afterAll(async () => {
  await served?.close();
  await browser?.close();
});

async function open(path: string, showing: Showing = {}) {
  return show(browser, `${served.url}${path}`, showing);
}

/** Each view, and what stands in its first screen. */
const views = [
  ['overview', '/', '1 of 4 nodes differs from what the cluster asks for: node-b since 11:40 UTC, 1 Service.'],
  ['findings', '/findings', stalled.summary],
  ['finding', `/findings/${staleWeb.fingerprint}`, staleWeb.summary],
  ['nodes', '/nodes', 'node-b'],
  ['node', '/nodes/node-b', 'node-b differs from what the cluster asks for: 3 of 10 addresses, 2 findings fire.'],
  ['services', '/services', 'shop/web'],
  ['service', '/services/shop/web', '1 of 4 nodes do otherwise with shop/web than it asks for.'],
  ['trace', '/trace?from=pod/shop/cart-0&to=svc/shop/web:http', sampleDiagnosis('').sentence],
  ['trace-question', '/trace', 'Which layer broke first?'],
  ['matrix', '/matrix', '1 of the pairs of 3 workloads and 3 targets differs from what is predicted.'],
  ['checks', '/checks', 'checks are asked of every reading of every node'],
  ['check', '/checks/stale-endpoint', 'A Service is forwarded to a backend that this node should not use'],
] as const;

describe.each(views)('%s', (name, path, says) => {
  it.each([
    ['wide', { screen: 'wide', scheme: 'light' }],
    ['narrow', { screen: 'narrow', scheme: 'light' }],
    ['dark', { screen: 'wide', scheme: 'dark' }],
  ] as const)('says what it must on its first screen: %s', async (kind, showing) => {
    const { page, faults, strayed, close } = await open(path, showing);
    const text = page.getByText(says).first();
    await text.waitFor();
    const box = await text.boundingBox();
    expect(box !== null && box.y + box.height <= screens[showing.screen].height).toBe(true);
    // Nothing is wider than the window.
    const width = await page.evaluate('document.documentElement.scrollWidth');
    expect(width).toBeLessThanOrEqual(screens[showing.screen].width);
    expect([faults, strayed]).toEqual([[], []]);
    await picture(page, `${name}-${kind}`);
    await close();
  });
});

describe('a node', () => {
  it('shows its layers with what is not known of them, and how it is wired', async () => {
    const { page, close } = await open('/nodes/node-c');
    await page.getByText('How it is wired').waitFor();
    await page.getByText('L1 pod interface: not looked at').waitFor();
    const text = await page.locator('main').textContent();
    for (const part of [
      'not reported: cni',
      'L2 node to node: not known',
      'routes: not permitted',
      'L3 Services: healthy',
      '12 with a network of their own; 3 in the network of the node',
      'flannel.1 (VXLAN 1, port 8472, MTU 1450)',
    ]) {
      expect(text).toContain(part);
    }
    await close();
  });
});

describe('a finding', () => {
  it('shows wanted beside real with what differs, the rules, the remedy, its life, and what would make it false', async () => {
    const { page, close } = await open(`/findings/${staleWeb.fingerprint}`);
    await page.getByText('Its life').waitFor();
    expect(await page.locator('mark').allTextContents()).toEqual(['10.244.1.9:8080']);
    const text = await page.locator('main').textContent();
    for (const part of [
      '-A KUBE-SVC-WEB -j KUBE-SEP-OLD',
      'kubectl -n kube-system delete pod',
      'Restarts kube-proxy',
      'What would make this a false alarm?',
      'pending',
    ]) {
      expect(text).toContain(part);
    }
    await close();
  });

  it('has its remedy in the clipboard when it is pressed, or by the key c', async () => {
    const { page, close } = await open(`/findings/${staleWeb.fingerprint}`);
    await page.getByRole('button', { name: 'Copy the command' }).first().click();
    await page.getByText('copied').waitFor();
    const [first] = staleWeb.remediation;
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(first?.command);
    await page.evaluate('navigator.clipboard.writeText("")');
    await page.locator('body').press('c');
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(first?.command);
    await close();
  });

  it('says so when there is none, in words', async () => {
    const { page, close } = await open('/findings/ffffffffffffffff');
    expect(await page.getByRole('alert').textContent()).toContain('No finding, open or ended');
    await close();
  });
});

describe('the keyboard', () => {
  it('goes to every view, through rows, into one and back', async () => {
    const { page, close } = await open('/');
    for (const [key, path] of [
      ['f', '/findings'],
      ['n', '/nodes'],
      ['s', '/services'],
      ['t', '/trace'],
      ['m', '/matrix'],
      ['c', '/checks'],
      ['o', '/'],
    ]) {
      await page.keyboard.press('g');
      await page.keyboard.press(key ?? '');
      await page.waitForURL(`${served.url}${path}`);
    }
    await page.keyboard.press('g');
    await page.keyboard.press('n');
    await page.getByRole('row', { name: /node-b/ }).waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${served.url}/nodes/node-b`);
    await page.goBack();
    await page.waitForURL(`${served.url}/nodes`);
    await close();
  });

  it('searches with /, and shows its help with ?', async () => {
    const { page, close } = await open('/findings');
    await page.getByText(stalled.summary).first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('no letters of it');
    await page.keyboard.press('Enter');
    await page.getByText(`None of the ${sampleFindings.length} findings fits these filters.`).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await picture(page, 'help');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await close();
  });

  it('reaches everything that can be pressed, in order, and shows where it is', async () => {
    const { page, close } = await open('/');
    await page.getByText('The worst').waitFor();
    const seen: string[] = [];
    for (let presses = 0; presses < 14; presses++) {
      await page.keyboard.press('Tab');
      const focused = page.locator(':focus');
      const outline = await focused.evaluate((element) =>
        Reflect.get(element, 'computedStyleMap').call(element).get('outline-style').toString(),
      );
      expect(outline).not.toBe('none');
      seen.push((await focused.textContent())?.trim() ?? '');
    }
    expect(seen.slice(0, 9)).toEqual([
      'To the content',
      'Plumbline',
      'Overview',
      'Findings',
      'Nodes',
      'Services',
      'Trace',
      'Matrix',
      'Checks',
    ]);
    await close();
  });

  it('goes through the map of nodes, which says where it is', async () => {
    const { page, close } = await open('/');
    const map = page.getByRole('img', { name: /Map of 4 nodes by layer/ });
    await map.focus();
    await page.keyboard.press('ArrowRight');
    await page.getByText('node-b, L1: healthy').waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.getByText('node-b, L3: critical').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(`${served.url}/nodes/node-b`);
    await close();
  });
});

describe('filters', () => {
  it('are chips that stand in the URL, and are there again when it is opened', async () => {
    const { page, close } = await open('/findings');
    await page.getByText(stalled.summary).first().waitFor();
    await page.getByRole('button', { name: /^high/ }).click();
    await page.waitForURL(`${served.url}/findings?severity=high`);
    expect(await page.getByRole('row').count()).toBe(2);
    await page.reload();
    await page.getByText('1 of').waitFor();
    expect(await page.getByRole('button', { name: /^high/ }).getAttribute('aria-pressed')).toBe('true');
    await close();
  });

  it('fold what follows from a cause, and group by node', async () => {
    const { page, close } = await open('/findings');
    await page.getByRole('button', { name: 'show 1 below' }).click();
    await page.getByText(staleWeb.summary).first().waitFor();
    await page.getByLabel('Group by').selectOption('node');
    await page.waitForURL(`${served.url}/findings?group=node`);
    await page.getByRole('row', { name: /^node-b 2/ }).waitFor();
    await close();
  });
});

describe('what a table says to those who hear it', () => {
  it('has heads of columns, a caption, and the number of all rows', async () => {
    const { page, close } = await open('/findings');
    await page.getByText(stalled.summary).first().waitFor();
    const table = page.getByRole('table', { name: 'Findings, the most urgent first' });
    const heads = ['Severity', 'Layer', 'What', 'Node', 'Subject', 'Since', 'State'];
    expect(await table.getByRole('columnheader').allInnerTexts()).toEqual(heads);
    expect(await table.getAttribute('aria-rowcount')).toBe('4');
    expect(await page.getByRole('img', { name: 'critical, firing' }).count()).toBe(1);
    await close();
  });
});
