/**
 * Puts together the root of an image: `node scripts/image-root.ts agent|aggregator FOLDER`. It holds Node, for the agent
 * the programs that it runs, the libraries of all of them, and nothing else: no shell, no package manager. What is
 * there is taken from the machine that this runs on, a stage of a Dockerfile (or a test).
 *
 * Exit 0 when the root is complete, 1 when something that belongs into it is not on this machine.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { hostPrograms, systemFolders } from '../agent/host-programs.ts';

/** What a program finds by itself while it runs, so that no list of its libraries names it. */
const foundLater = {
  // iptables and nft: one file for each kind of match and target.
  agent: ['/usr/lib/*/xtables/*.so', '/usr/libexec/coreutils/libstdbuf.so'],
  aggregator: [],
};
/** nft and iptables print protocols by the names that stand here, and by numbers without it. */
const tables = { agent: ['/etc/protocols', '/etc/iproute2'], aggregator: [] };
/** `xtables-monitor` is run by stdbuf, tini ends what its parent left behind. */
const further = { agent: ['xtables-monitor', 'tini'], aggregator: [] };

const accounts = {
  '/etc/passwd': 'root:x:0:0::/:/nonexistent\nplumbline:x:65532:65532::/:/nonexistent\n',
  '/etc/group': 'root:x:0:\nplumbline:x:65532:\n',
  '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\n',
};

const [, , kind, folder] = process.argv;
if ((kind !== 'agent' && kind !== 'aggregator') || folder === undefined) {
  process.stderr.write('usage: node scripts/image-root.ts agent|aggregator FOLDER\n');
  process.exit(1);
}
const placed = new Set<string>();
makeRoot(folder, kind);
process.stdout.write(`${placed.size} files in ${folder}\n`);

function makeRoot(root: string, image: 'agent' | 'aggregator'): void {
  for (const name of ['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'etc', 'proc', 'sys', 'dev', 'run', 'app']) {
    mkdirSync(join(root, name), { recursive: true });
  }
  mkdirSync(join(root, 'tmp'));
  // Whatever the umask is.
  chmodSync(join(root, 'tmp'), 0o1777);
  // As Debian has them since its merged /usr.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));
  place(root, process.execPath, '/usr/bin/node');
  const programs = image === 'agent' ? [...hostPrograms, ...further.agent] : further.aggregator;
  for (const program of programs) place(root, pathOf(program));
  for (const pattern of foundLater[image]) {
    const files = globSync(pattern);
    if (files.length === 0) missing(pattern);
    for (const file of files) place(root, file);
  }
  for (const path of tables[image]) {
    if (!existsSync(path)) missing(path);
    cpSync(path, join(root, path), { recursive: true, dereference: true });
  }
  for (const [path, text] of Object.entries(accounts)) writeFileSync(join(root, path), text);
}

function pathOf(program: string): string {
  const path = systemFolders.map((each) => join(each, program)).find((each) => existsSync(each));
  return path ?? missing(program);
}

/** Puts a file in its place, with the links that lead to it and the libraries that it asks for. */
function place(root: string, path: string, as: string = join(realpathSync(dirname(path)), basename(path))): void {
  if (placed.has(as)) return;
  placed.add(as);
  const target = join(root, as);
  mkdirSync(dirname(target), { recursive: true });
  const real = realpathSync(path);
  if (lstatSync(path).isSymbolicLink() && as !== real && path !== process.execPath) {
    symlinkSync(real, target);
    place(root, real);
    return;
  }
  cpSync(real, target);
  for (const library of librariesOf(real)) place(root, library);
}

/** `libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f...)`, `/lib64/ld-linux-x86-64.so.2 (0x00007f...)`: ldd(1). */
function librariesOf(file: string): readonly string[] {
  const { stdout } = spawnSync('ldd', [file], { encoding: 'utf8' });
  const lost = /^\s*(?<name>\S+) => not found$/m.exec(stdout)?.groups?.name;
  if (lost !== undefined) missing(`${lost}, a library of ${file}`);
  return [...stdout.matchAll(/(?:=> |^\s+)(?<path>\/\S+) \(0x/gm)].map(({ groups }) => groups?.path ?? '');
}

function missing(what: string): never {
  process.stderr.write(`image-root: ${what} is not on this machine, and belongs into the image\n`);
  process.exit(1);
}
