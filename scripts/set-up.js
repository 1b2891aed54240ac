/**
 * Makes a fresh checkout ready: `node scripts/set-up.js start|test`. Runs before anything is installed, so it is plain
 * JavaScript for Node 20 without dependencies. Says nothing when there is nothing to do.
 *
 * Exit 0 when ready, 2 when it could not be made ready (one line on stderr says what is missing).
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = join(root, 'node_modules/.set-up-of-lockfile');

const policy = '/usr/sbin/policy-rc.d';
const goSources = '/usr/share/gocode/src';
/** What the project runs or compiles, with the Debian package of each: a program's name, or a path. */
const forNamespaces = [
  { needs: 'iptables-save', package: 'iptables' },
  { needs: 'ip', package: 'iproute2' },
  { needs: 'nfacct', package: 'nfacct' },
  { needs: 'nft', package: 'nftables' },
];
const forTests = [
  ...forNamespaces,
  { needs: 'ipset', package: 'ipset' },
  { needs: 'ipvsadm', package: 'ipvsadm' },
  { needs: 'conntrack', package: 'conntrack' },
  { needs: 'openssl', package: 'openssl' },
  { needs: 'setpriv', package: 'util-linux' },
  // Nodes of the labs: offloads, BGP, resolvers, the plugins and the runtime of pods.
  { needs: 'ethtool', package: 'ethtool' },
  { needs: 'bird', package: 'bird2' },
  { needs: 'unbound', package: 'unbound' },
  { needs: '/usr/lib/cni/bridge', package: 'containernetworking-plugins' },
  { needs: 'containerd', package: 'containerd' },
  { needs: 'runc', package: 'runc' },
  // Of the agent's image, whose root a test puts together.
  { needs: 'tini', package: 'tini' },
  { needs: '/etc/protocols', package: 'netbase' },
  // The page in a browser.
  { needs: 'chromium', package: 'chromium' },
  // Prometheus itself, and promtool.
  { needs: 'promtool', package: 'prometheus' },
  // The chart, by the templates that Helm is made of.
  { needs: '/usr/lib/go-1.19/bin/go', package: 'golang-1.19-go' },
  { needs: `${goSources}/github.com/Masterminds/sprig`, package: 'golang-github-masterminds-sprig-dev' },
  { needs: `${goSources}/gopkg.in/yaml.v3`, package: 'golang-gopkg-yaml.v3-dev' },
];

const purpose = process.argv[2];
if (purpose !== 'start' && purpose !== 'test') refuse('usage: node scripts/set-up.js start|test');
requireNode();
requirePrograms(purpose === 'test' ? forTests : forNamespaces);
requireModules();
buildPage();

/** npm leaves out native packages that do not fit the Node which runs it, and ours fit 20.19 and later. */
function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = (major === 20 && minor >= 19) || (major === 22 && minor >= 13) || major >= 24;
  if (!fits) refuse(`set-up needs Node 20.19, 22.13, 24 or later, and this is ${process.version}`);
}

/**
 * Without root `start` needs none of them: the demo's agents then read recordings instead of namespaces.
 * @param {readonly {needs: string, package: string}[]} programs
 */
function requirePrograms(programs) {
  const missing = missingPackages(programs);
  if (missing === '') return;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && purpose === 'start') return;
  if (!isRoot) refuse(`these packages are missing, and only root can install them: apt-get install ${missing}`);
  say(`installing Debian packages: ${missing}`);
  apt('update');
  withoutDaemons(() => apt(`install --yes --no-install-recommends ${missing}`));
  const still = missingPackages(programs);
  if (still !== '') refuse(`apt-get installed ${still}, yet what they bring is not where it should be`);
}

/** @param {readonly {needs: string, package: string}[]} programs */
function missingPackages(programs) {
  // A user's PATH on Debian has no sbin, and these programs are there.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const isThere = (/** @type {string} */ needs) =>
    needs.startsWith('/') ? existsSync(needs) : folders.some((folder) => isProgram(join(folder, needs)));
  const missing = programs.filter(({ needs }) => !isThere(needs));
  return missing.map((each) => each.package).join(' ');
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Debian starts a daemon as soon as its package is there, and a resolver would take this machine's port 53: Debian's own
 * file against it (invoke-rc.d(8)) stands while packages are installed, unless the machine has one anyway.
 * @param {() => void} install
 */
function withoutDaemons(install) {
  if (existsSync(policy)) return install();
  // An interrupt ends apt-get, and then the file goes, too.
  const wait = () => undefined;
  const remove = () => rmSync(policy, { force: true });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, wait);
  process.on('exit', remove);
  writeFileSync(policy, '#!/bin/sh\n# Made by the set-up of plumbline, and to be removed by it.\nexit 101\n', {
    mode: 0o755,
  });
  install();
  remove();
  process.off('exit', remove);
  for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, wait);
}

/** @param {string} command */
function apt(command) {
  const args = ['-qq', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=3', ...command.split(' ')];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = spawnSync('apt-get', args, { env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (run.error) refuse(`apt-get ${command} could not be run (${run.error.message}): install the packages by hand`);
  if (run.status !== 0) refuse(`apt-get ${command} failed with code ${run.status}:\n${run.stdout}${run.stderr}`);
}

/**
 * Once for each state of the lockfile. `npm install --no-save` takes the locked versions, as `npm ci` does; but npm ci
 * refuses a lockfile without the native packages of other platforms, and where a registry does not carry them, none
 * can be locked.
 */
function requireModules() {
  const lockfile = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (stampText() === lockfile) return;
  say('installing npm packages');
  rmSync(stamp, { force: true });
  // loglevel error: npm would warn that Node 20 is not the Node 24 it is about to install.
  const args = ['install', '--no-save', '--ignore-scripts', '--include=dev', '--include=optional', '--loglevel=error'];
  const run = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (run.error) refuse(`npm could not be run: ${run.error.message}`);
  if (run.status !== 0) refuse(`npm install failed in ${root} with code ${run.status}; its message stands above`);
  writeFileSync(stamp, lockfile);
}

/** The page that the aggregator serves is made of its sources: a tenth of a second. */
function buildPage() {
  const run = spawnSync(process.execPath, [join(root, 'scripts/build-page.js')], { cwd: root, encoding: 'utf8' });
  if (run.error) refuse(`the page could not be built: ${run.error.message}`);
  if (run.status !== 0) refuse(`the page could not be built:\n${run.stderr}`);
}

function stampText() {
  try {
    return readFileSync(stamp, 'utf8');
  } catch {
    return null;
  }
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`plumbline: ${text}\n`);
}

/**
 * @param {string} text
 * @returns {never}
 */
function refuse(text) {
  say(text);
  process.exit(2);
}
