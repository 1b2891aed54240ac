/**
 * Makes one file of each program, for images and for places without packages: `node scripts/build.js [FOLDER]`.
 * Each is an ES module that needs Node 24 and nothing else but the package.json beside it, which says that it is one.
 * FOLDER is `dist` unless given.
 *
 * Exit 0 when all were made, 1 when one was not.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = resolve(process.argv[2] ?? join(root, 'dist'));

/** By the name of the file that is made. */
const programs = {
  agent: 'agent/main.ts',
  aggregator: 'aggregator/main.ts',
  plumbline: 'cli/main.ts',
};

// Packages written for CommonJS ask for `require`, `__filename` and `__dirname`, which a module does not have.
const banner = [
  '#!/usr/bin/env node',
  "import { createRequire as plumblineRequire } from 'node:module';",
  'const require = plumblineRequire(import.meta.url);',
  'const __filename = import.meta.filename;',
  'const __dirname = import.meta.dirname;',
].join('\n');

/**
 * Puts the page's files themselves in the place of the module that reads them from a folder.
 * @type {import('esbuild').Plugin}
 */
const pageInside = {
  name: 'page-inside',
  setup: ({ onLoad }) =>
    onLoad({ filter: /aggregator\/http\/page-files\.ts$/ }, () => ({ contents: pageModule(), loader: 'js' })),
};

function pageModule() {
  const page = mkdtempSync(join(tmpdir(), 'plumbline-page-'));
  try {
    const made = spawnSync(process.execPath, [join(root, 'scripts/build-page.js'), page], { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`the page could not be built: ${made.stderr}`);
    const files = readdirSync(page).map((name) => [name, readFileSync(join(page, name)).toString('base64')]);
    return `const files = ${JSON.stringify(files)};
export const pageFiles = () => new Map(files.map(([name, content]) => [name, Buffer.from(content, 'base64')]));`;
  } finally {
    rmSync(page, { recursive: true, force: true });
  }
}

try {
  await build({
    absWorkingDir: root,
    entryPoints: programs,
    outdir: folder,
    banner: { js: banner },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Names in stack traces are worth more than the bytes.
    keepNames: true,
    plugins: [pageInside],
    legalComments: 'eof',
    logLevel: 'warning',
  });
} catch {
  // esbuild has said what and where.
  process.exit(1);
}
// Without it Node would parse each file twice to find out what it is, and hold both.
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ name: 'plumbline', version, type: 'module' })}\n`);
for (const name of Object.keys(programs)) {
  const file = join(folder, `${name}.js`);
  process.stdout.write(`${file} ${(statSync(file).size / 1e6).toFixed(1)} MB\n`);
}
