/** A real Chromium for tests of the page, and an aggregator's HTTP side to show, in this process and on loopback. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { buildApp } from '../../aggregator/http/app.ts';
import type { HttpOptions } from '../../aggregator/http/options.ts';
import { httpOptions } from '../http-options.ts';

/** Where Debian's package puts it. */
const program = '/usr/bin/chromium';
/** As root there is no sandbox; nothing of it may talk to anybody. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const screenshots = join(import.meta.dirname, '../../dist/screenshots');

export const screens = { wide: { width: 1280, height: 800 }, narrow: { width: 360, height: 740 } } as const;

/** The page of one aggregator, as a browser sees it. */
export interface Shown {
  readonly url: string;
  readonly page: Page;
  /** What the page wrote on its console as an error, what it threw, what its policy forbade. */
  readonly faults: readonly string[];
  /** Requests to anywhere but its aggregator. */
  readonly strayed: readonly string[];
  close(): Promise<void>;
}

export interface Served {
  readonly url: string;
  close(): Promise<void>;
}

export interface Showing {
  readonly screen?: keyof typeof screens;
  readonly scheme?: 'dark' | 'light';
}

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: program, args: flags });
}

/** Listens with an aggregator's HTTP side on loopback. @param port a free one unless given. */
export async function serve(options: Partial<HttpOptions>, port = 0): Promise<Served> {
  const app = buildApp(httpOptions(options));
  const url = await app.listen({ host: '127.0.0.1', port });
  const close = async () => {
    app.server.closeAllConnections();
    await app.close();
  };
  return { url, close };
}

/** Opens a path of the page. */
export async function show(
  browser: Browser,
  url: string,
  { screen = 'wide', scheme = 'light' }: Showing = {},
): Promise<Shown> {
  const context = await browser.newContext({
    viewport: screens[screen],
    colorScheme: scheme,
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  const faults: string[] = [];
  const strayed: string[] = [];
  page.on('pageerror', (error) => faults.push(`thrown: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) strayed.push(request.url());
  });
  await page.goto(url);
  return { url, page, faults, strayed, close: () => context.close() };
}

/** Keeps a picture of it, for people: dist/screenshots/NAME.png. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
}
