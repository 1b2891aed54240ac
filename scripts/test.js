/**
 * Runs the suites one after the other, each with a time budget: `node scripts/test.js [SUITE...]`. A suite over its
 * budget fails like one with a failing test: slow tests are the ones that are not run.
 *
 * Exit 0 when all passed, 1 when one did not, 2 for an unknown suite.
 */
import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = ['vitest', 'run', '--project'];
/** @type {readonly NodeJS.Signals[]} */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * @typedef {object} Suite
 * @property {string} name
 * @property {number} budgetSeconds
 * @property {readonly string[]} command
 * @property {boolean} [asRoot]
 * @property {boolean} [onRequest] not a part of `npm test`
 */

/** @type {readonly Suite[]} */
const suites = [
  { name: 'format', budgetSeconds: 20, command: ['biome', 'format', '.'] },
  {
    name: 'lint',
    budgetSeconds: 30,
    command: ['biome', 'lint', '--diagnostic-level=warn', '--error-on-warnings', '.'],
  },
  { name: 'types', budgetSeconds: 60, command: ['tsc', '-p', '.'] },
  { name: 'page-types', budgetSeconds: 60, command: ['tsc', '-p', 'aggregator/web'] },
  { name: 'unused', budgetSeconds: 60, command: ['knip'] },
  { name: 'contract', budgetSeconds: 30, command: ['node', 'scripts/contract.ts'] },
  { name: 'architecture', budgetSeconds: 30, command: [...vitest, 'architecture'] },
  { name: 'unit', budgetSeconds: 120, command: [...vitest, 'unit'] },
  { name: 'property', budgetSeconds: 90, command: [...vitest, 'property'] },
  { name: 'commands', budgetSeconds: 60, command: [...vitest, 'commands'] },
  // These three share five minutes.
  { name: 'chart', budgetSeconds: 45, command: [...vitest, 'chart'] },
  { name: 'monitoring', budgetSeconds: 105, command: [...vitest, 'monitoring'] },
  { name: 'web', budgetSeconds: 150, command: [...vitest, 'web'] },
  { name: 'kernel', budgetSeconds: 300, command: [...vitest, 'kernel'], asRoot: true },
  { name: 'e2e', budgetSeconds: 300, command: [...vitest, 'e2e'], asRoot: true },
  { name: 'faults', budgetSeconds: 300, command: [...vitest, 'faults'], asRoot: true },
  { name: 'slow', budgetSeconds: 3600, command: [...vitest, 'slow'], onRequest: true },
];

const asked = process.argv.slice(2);
const strangers = asked.filter((name) => !suites.some((suite) => suite.name === name));
if (strangers.length > 0) {
  process.stderr.write(`no suite ${strangers.join(', ')}; there are ${suites.map((suite) => suite.name).join(', ')}\n`);
  process.exit(2);
}

const results = [];
for (const suite of suites) {
  const wanted = asked.length === 0 ? !suite.onRequest : asked.includes(suite.name);
  if (wanted) results.push(await runSuite(suite));
}
const failed = results.filter((result) => !result.passed).length;
const lines = results.map((result) => result.line);
process.stdout.write(`\n${lines.join('\n')}\n${results.length - failed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);

/** @param {Suite} suite */
async function runSuite(suite) {
  if (suite.asRoot && process.getuid?.() !== 0) {
    return { passed: false, line: `${suite.name} not run: it makes network namespaces, which only root may do` };
  }
  process.stdout.write(`\n== ${suite.name}\n`);
  const start = performance.now();
  const ending = await runCommand(suite);
  const seconds = (performance.now() - start) / 1000;
  const late = seconds > suite.budgetSeconds;
  const verdict = late ? 'FAILED (over its budget)' : ending === null ? 'passed' : `FAILED (${ending})`;
  return {
    passed: ending === null && !late,
    line: `${suite.name} ${seconds.toFixed(seconds < 10 ? 1 : 0)} s of ${suite.budgetSeconds} s ${verdict}`,
  };
}

/**
 * Null when the command ended well, else how it ended. At twice its budget it hangs, and its process group is killed.
 * @param {Suite} suite
 * @returns {Promise<string | null>}
 */
function runCommand({ command, budgetSeconds }) {
  const [program = '', ...args] = command;
  // node_modules/.bin holds Node 24, which the programs there find as `node`; the rule programs are in sbin.
  const path = [join(root, 'node_modules/.bin'), process.env.PATH ?? '', '/usr/sbin', '/sbin'].join(delimiter);
  // Tests start the program hundreds of times: what Node compiled once is kept beside the packages.
  const env = { ...process.env, PATH: path, NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/node') };
  const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  const deadline = setTimeout(() => stop('SIGKILL'), budgetSeconds * 2000);
  /** @param {NodeJS.Signals} signal */
  const stop = (signal) => {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  };
  // The suite may hold namespaces: it gets the signal and the time to take them down, then all ends.
  /** @param {NodeJS.Signals} signal */
  const stopAll = (signal) => {
    stop(signal);
    child.once('exit', () => process.exit(1));
  };
  for (const signal of stopSignals) process.once(signal, stopAll);
  return new Promise((resolve) => {
    /** @param {string | null} ending */
    const end = (ending) => {
      clearTimeout(deadline);
      for (const signal of stopSignals) process.off(signal, stopAll);
      resolve(ending);
    };
    child.once('error', (cause) => end(cause.message));
    child.once('exit', (code, signal) => end(code === 0 ? null : signal === null ? `exit ${code}` : signal));
  });
}
