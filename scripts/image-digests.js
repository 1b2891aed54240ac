/**
 * Writes the digest of each base image behind its tag in the Dockerfiles: `npm run image-digests`. Asks the registry
 * through docker, on a machine that may; without it the tags stay, and are what they are on the day of the build.
 *
 * Exit 0 when every base has the digest of today, 1 when one could not be had; then no file is changed.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)));
const files = ['Dockerfile.agent', 'Dockerfile.aggregator'].map((name) => join(folder, name));
/** `FROM node:24-bookworm-slim@sha256:... AS build`; stages of the same file and scratch have no tag. */
const base = /^(FROM )(?<image>[\w./-]+:[\w.-]+)(?:@sha256:[0-9a-f]{64})?(?= |$)/gm;

const texts = files.map((file) => ({ file, text: readFileSync(file, 'utf8') }));
const images = new Set(texts.flatMap(({ text }) => [...text.matchAll(base)].map(({ groups }) => groups?.image ?? '')));
const digests = new Map([...images].map((image) => [image, digestOf(image)]));
for (const { file, text } of texts) {
  writeFileSync(
    file,
    text.replaceAll(base, (_whole, from, image) => `${from}${image}@${digests.get(image)}`),
  );
}
for (const [image, digest] of digests) process.stdout.write(`${image}@${digest}\n`);

/** @param {string} image */
function digestOf(image) {
  const args = ['buildx', 'imagetools', 'inspect', image, '--format', '{{.Manifest.Digest}}'];
  const run = spawnSync('docker', args, { encoding: 'utf8', timeout: 60_000 });
  const digest = run.stdout?.trim() ?? '';
  if (run.status === 0 && /^sha256:[0-9a-f]{64}$/.test(digest)) return digest;
  const [said = ''] = (run.error?.message ?? (run.stderr || digest)).split('\n', 1);
  process.stderr.write(`image-digests: docker ${args.join(' ')}: ${said || `ended with code ${run.status}`}\n`);
  process.stderr.write('It takes docker with buildx, and a way to the registry. Nothing was changed.\n');
  process.exit(1);
}
