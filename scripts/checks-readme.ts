/** Writes aggregator/checks/README.md out of the checks: `node scripts/checks-readme.ts`. */
import { writeFileSync } from 'node:fs';
import { checks } from '../aggregator/checks/index.ts';
import { renderReadme } from '../aggregator/checks/shared/readme.ts';

writeFileSync(new URL('../aggregator/checks/README.md', import.meta.url), renderReadme(checks));
