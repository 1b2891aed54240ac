/** The files of the page, as scripts/build-page.js made them. scripts/build.js puts the files themselves in this place. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '../../dist/page');

/** By name; empty where the page was not built. */
export function pageFiles(): ReadonlyMap<string, Buffer> {
  try {
    return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
  } catch {
    return new Map();
  }
}
