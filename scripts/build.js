/**
 * Makes one file of each program, for images and for places without packages: `node scripts/build.js [FOLDER]`.
 * Each is an ES module that needs Node 24 and nothing else but the package.json beside it, which says that it is one.
 * FOLDER is `dist` unless given.
 *
 * Exit 0 when all were made, 1 when one was not.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
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
