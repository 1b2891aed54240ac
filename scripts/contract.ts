/**
 * Checks the contract of agent and aggregator, `proto/plumbline/agent/v1/agent.proto`: it is in style, it can still be
 * read by whoever speaks the released one (`proto/released.binpb`), and the code in `proto/generated` is made of it.
 *
 * Exit 0 when all of that holds, 1 when it does not. After a release: `buf build --exclude-source-info -o
 * proto/released.binpb`.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Whether buf found nothing to complain of; its complaints are printed. */
function buf(...args: readonly string[]): boolean {
  const { status, error } = spawnSync('buf', args, { cwd: root, stdio: 'inherit' });
  if (error !== undefined) process.stderr.write(`buf ${args.join(' ')}: ${error.message}\n`);
  return status === 0;
}

/** The generated files below a folder, with their text. */
function generatedIn(folder: string): ReadonlyMap<string, string> {
  const paths = globSync('proto/generated/**/*.ts', { cwd: folder });
  return new Map(paths.sort().map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
}

/** Whether generating again gives the files that are there. */
function generatedIsOfTheContract(): boolean {
  const scratch = mkdtempSync(join(tmpdir(), 'plumbline-contract-'));
  try {
    if (!buf('generate', '-o', scratch)) return false;
    const expected = generatedIn(scratch);
    const found = generatedIn(root);
    const paths = [...new Set([...expected.keys(), ...found.keys()])];
    const stale = paths.filter((path) => expected.get(path) !== found.get(path));
    for (const path of stale) process.stderr.write(`${path} is not what buf makes of the contract: npm run generate\n`);
    return stale.length === 0 && expected.size > 0;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const holds = [buf('lint'), buf('breaking', '--against', 'proto/released.binpb'), generatedIsOfTheContract()];
process.exitCode = holds.every(Boolean) ? 0 : 1;
