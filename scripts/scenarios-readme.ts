/** Writes test/scenarios/README.md out of what its tests hold: `node scripts/scenarios-readme.ts`. */
import { writeFileSync } from 'node:fs';
import { renderReadme } from '../test/scenarios/readme.ts';

writeFileSync(new URL('../test/scenarios/README.md', import.meta.url), renderReadme());
