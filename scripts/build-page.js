/**
 * Makes the page that the aggregator serves: `node scripts/build-page.js [FOLDER]`. One script, one style sheet and the
 * document that names them, each script and sheet with a digest in its name, so that a browser may keep them for ever.
 * FOLDER is `dist/page` unless given; what was in it is gone.
 *
 * Exit 0 when it was made, 1 when it was not.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = resolve(process.argv[2] ?? join(root, 'dist/page'));

/**
 * @param {string} script
 * @param {string} sheet
 */
const documentOf = (script, sheet) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Plumbline</title>
<link rel="icon" href="/assets/plumb.svg">
<link rel="stylesheet" href="/assets/${sheet}">
<script type="module" src="/assets/${script}"></script>
</head>
<body>
<div id="page"></div>
<noscript>This page needs scripts. The same is told by kubectl plumbline findings.</noscript>
</body>
</html>
`;

/** A weight on a line. */
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M16 1v13" stroke="#0072b2" stroke-width="2"/><path d="M10 14h12l-2 8-4 9-4-9z" fill="#0072b2"/></svg>
`;

/** @type {import('esbuild').OutputFile[]} */
let made = [];
try {
  const result = await build({
    absWorkingDir: root,
    entryPoints: ['aggregator/web/main.tsx'],
    outdir: folder,
    entryNames: 'page-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['chrome119', 'firefox124', 'safari17.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'warning',
    write: false,
  });
  made = result.outputFiles;
} catch {
  // esbuild has said what and where.
  process.exit(1);
}
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
/** @param {string} ending */
const nameOf = (ending) => basename(made.find(({ path }) => path.endsWith(ending))?.path ?? '');
for (const { path, contents } of made) writeFileSync(join(folder, basename(path)), contents);
writeFileSync(join(folder, 'plumb.svg'), icon);
writeFileSync(join(folder, 'index.html'), documentOf(nameOf('.js'), nameOf('.css')));
