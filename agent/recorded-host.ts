/**
 * A folder of recordings as a node (docs/bundles.md says which file is what): the raw output of each command
 * stands for the command. What was not recorded is `absent`, never an answer.
 */
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import type { Command, GetResult, Host, ReadResult, RunResult } from './host.ts';
import {
  complaintFile,
  fileOfCommand,
  fileOfPath,
  filesOfAnswer,
  flowtablesFile,
  nftTableFiles,
  saveCommands,
} from './recorded-names.ts';
import { recordedBird, recordedExecutables, recordedFile, recordedFolder, recordedOutput } from './recorded-network.ts';
import { listedTable, listedTables } from './recorded-nft.ts';
import { stripCounters } from './strip-counters.ts';

const nftListing = 'nft-list-ruleset.txt';
const namesFile = 'ip_tables_names.txt';

/** Files of one node; `under` has what `folder` lacks. */
interface Recording {
  /** The path of a file, null when neither folder has it. */
  find(name: string): string | null;
  /** The same for rule files, which all come from one folder: those of two moments do not belong together. */
  findRules(name: string): string | null;
  readonly hasRules: boolean;
}

/**
 * A node as it was recorded.
 * @param folder one node's folder.
 * @param under a folder of the same node whose files stand in for what `folder` lacks: a recorded damage holds only the
 * rules, all else is as in its healthy recording.
 */
export function recordedHost(folder: string, under?: string): Host {
  // Opened for each question: an agent that observes a recording sees what was put there meanwhile.
  const recording = () => openRecording(under === undefined ? [folder] : [folder, under]);
  return {
    run: (command, onOutput) => run(recording(), command, onOutput),
    read: async (path, maxBytes) => read(recording(), path, maxBytes),
    get: async (url) => get(recording(), url),
    readOfProcesses: async (paths, maxBytes) => {
      const opened = recording();
      return Promise.all(paths.map((path) => read(opened, path, maxBytes)));
    },
    list: async (path) => recordedFolder(recording().find, path),
    askBird: async (path) => recordedBird(recording().find, path),
    executables: async (path) => recordedExecutables(recording().find, path),
  };
}

function openRecording(folders: readonly string[]): Recording {
  const ruleFiles = [
    ...saveCommands.flatMap((command) => [`${command}.txt`, `${command}.txt.gz`, ...perTable(command)]),
    nftListing,
    flowtablesFile,
    ...[...nftTableFiles.values()].flatMap((name) => [name, `${name}.gz`]),
  ];
  const ruleFolder = folders.find((folder) => ruleFiles.some((name) => existsSync(join(folder, name))));
  const pathIn = (within: readonly string[], name: string) =>
    within.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
  return {
    find: (name) => pathIn(folders, name),
    findRules: (name) => (ruleFolder === undefined ? null : pathIn([ruleFolder], name)),
    hasRules: ruleFolder !== undefined,
  };
}

function perTable(command: string): readonly string[] {
  return [`${command}-c-nat.txt.gz`, `${command}-c-filter.txt.gz`];
}

async function run(recording: Recording, command: Command, onOutput: (piece: Uint8Array) => void): Promise<RunResult> {
  const line = [command.program, ...command.args].join(' ');
  if (saveCommands.includes(line)) return printDump(recording, command, onOutput);
  const counted = saveCommands.includes(command.program) ? countedFilter(recording, line) : null;
  if (counted !== null) return printFiles([counted], command, onOutput);
  if (line === 'nft list flowtables') {
    const listed = recording.findRules(flowtablesFile);
    if (listed !== null) return printFiles([listed], command, onOutput);
    if (!recording.hasRules || lacksNftListing(recording)) return notRecorded(line);
    return print(Buffer.from((await nftTables(recording)).map((table) => `table ${table} {\n}\n`).join('')), onOutput);
  }
  const [, nftTable] = line.split('nft -s list table ');
  if (nftTable !== undefined) return printNftTable(recording, { command, table: nftTable }, onOutput);
  const output = recordedOutput(recording.find, line);
  return output === null ? notRecorded(line) : print(output, onOutput);
}

/** One table with its counters, which only `plumbline snapshot` records. */
function countedFilter(recording: Recording, line: string): string | null {
  const name = fileOfCommand(line);
  return name === null ? null : recording.findRules(name);
}

function notRecorded(line: string): RunResult {
  return { ok: false, kind: 'absent', message: `${line} was not recorded` };
}

function print(output: Buffer, onOutput: (piece: Uint8Array) => void): RunResult {
  onOutput(output);
  return { ok: true, stderr: '', bytes: output.length };
}

/** A backend that held no rules left no file. */
async function printDump(recording: Recording, command: Command, onOutput: (piece: Uint8Array) => void) {
  if (!recording.hasRules) return notRecorded(command.program);
  const result = await printFiles(dumpFiles(recording, command.program), command, onOutput);
  return withComplaint(recording, `${command.program}.txt`, result);
}

/** With what the command said on stderr, where that was recorded. */
function withComplaint(recording: Recording, file: string, result: RunResult): RunResult {
  const path = recording.findRules(complaintFile(file));
  return result.ok && path !== null ? { ...result, stderr: readFileSync(path, 'utf8') } : result;
}

async function printFiles(
  paths: readonly string[],
  command: Command,
  onOutput: (piece: Uint8Array) => void,
): Promise<RunResult> {
  let bytes = 0;
  for (const path of paths) {
    for await (const piece of dumpPieces(path)) {
      bytes += piece.length;
      if (bytes > command.maxBytes) return tooLong(command);
      onOutput(piece);
    }
  }
  return { ok: true, stderr: '', bytes };
}

/** A table from its own file, or cut out of the listing of all. */
async function printNftTable(
  recording: Recording,
  { command, table }: { readonly command: Command; readonly table: string },
  onOutput: (piece: Uint8Array) => void,
): Promise<RunResult> {
  const file = tableFile(recording, table);
  if (file !== null) {
    const result = await printFiles([file], command, onOutput);
    return withComplaint(recording, nftTableFiles.get(table) ?? '', result);
  }
  const listing = recording.findRules(nftListing);
  const text = listing === null ? null : listedTable(readFileSync(listing), table);
  if (text === null) return notRecorded([command.program, ...command.args].join(' '));
  return text.length > command.maxBytes ? tooLong(command) : print(text, onOutput);
}

function tableFile(recording: Recording, table: string): string | null {
  const name = nftTableFiles.get(table);
  return name === undefined ? null : (recording.findRules(name) ?? recording.findRules(`${name}.gz`));
}

function tooLong({ program, maxBytes }: Command): RunResult {
  return { ok: false, kind: 'too-long', message: `${program} printed more than ${maxBytes} bytes` };
}

function dumpFiles(recording: Recording, command: string): readonly string[] {
  const whole = recording.findRules(`${command}.txt`) ?? recording.findRules(`${command}.txt.gz`);
  if (whole !== null) return [whole];
  return perTable(command)
    .map((name) => recording.findRules(name))
    .filter((path) => path !== null);
}

/** Only the large recordings were made with counters, which the commands the agent runs do not print. */
function dumpPieces(path: string): AsyncIterable<Uint8Array> {
  const file = createReadStream(path);
  if (!path.endsWith('.gz')) return file;
  // pipe() does not hand errors on, and nobody would wait for the unzipped stream any more.
  const unzipped = createGunzip();
  file.on('error', (error) => unzipped.destroy(error));
  return stripCounters(file.pipe(unzipped));
}

async function nftTables(recording: Recording): Promise<readonly string[]> {
  const listing = recording.findRules(nftListing);
  const apart = [...nftTableFiles.keys()].filter((table) => tableFile(recording, table) !== null);
  if (listing !== null)
    return [...new Set([...listedTables(linesOf(listing), (save) => dumpFiles(recording, save).length > 0), ...apart])];
  const nat = await Promise.all(
    ['iptables-nft-save', 'ip6tables-nft-save'].map(async (command) => {
      const family = command.startsWith('ip6') ? 'ip6' : 'ip';
      return (await tablesOfDump(recording, command)).map((table) => `${family} ${table}`);
    }),
  );
  return [...nat.flat(), ...apart];
}

async function tablesOfDump(recording: Recording, command: string): Promise<readonly string[]> {
  const tables: string[] = [];
  for (const path of dumpFiles(recording, command)) {
    let rest = '';
    for await (const piece of dumpPieces(path)) {
      const lines = (rest + Buffer.from(piece).toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('*')) tables.push(line.slice(1));
    }
  }
  return tables;
}

/** Dumps of iptables show no table of kube-proxy's nftables mode, so where it is in that mode they say nothing of it. */
function lacksNftListing(recording: Recording): boolean {
  const files = [nftListing, ...nftTableFiles.values()].flatMap((name) => [name, `${name}.gz`]);
  if (files.some((name) => recording.findRules(name) !== null)) return false;
  const mode = recording.find('kube-proxy/proxyMode.txt');
  return mode !== null && linesOf(mode).at(0)?.trim() === 'nftables';
}

function linesOf(path: string): readonly string[] {
  return readFileSync(path, 'utf8').split('\n');
}

async function read(recording: Recording, path: string, maxBytes: number): Promise<ReadResult> {
  const name = fileOfPath(path);
  const recorded = name === null ? null : recording.find(name);
  if (recorded !== null) return found(path, readFileSync(recorded), maxBytes);
  if (path === '/proc/net/ip_tables_names') return found(path, await legacyNames(recording, 'ipv4'), maxBytes);
  if (path === '/proc/net/ip6_tables_names') return found(path, await legacyNames(recording, 'ipv6'), maxBytes);
  return found(path, recordedFile(recording.find, path), maxBytes);
}

function found(path: string, bytes: Buffer | null, maxBytes: number): ReadResult {
  if (bytes === null) return { ok: false, kind: 'absent', message: `${path} was not recorded` };
  if (bytes.length > maxBytes)
    return { ok: false, kind: 'too-long', message: `${path} is longer than ${maxBytes} bytes` };
  return { ok: true, bytes };
}

/** One file holds the names of IPv4 and then those of IPv6; where there is none, the dumps name their tables. */
async function legacyNames(recording: Recording, family: 'ipv4' | 'ipv6'): Promise<Buffer | null> {
  if (!recording.hasRules) return null;
  const command = family === 'ipv4' ? 'iptables-legacy-save' : 'ip6tables-legacy-save';
  const path = recording.findRules(namesFile);
  const names = path === null ? await tablesOfDump(recording, command) : splitNames(linesOf(path), recording)[family];
  return Buffer.from(names.map((name) => `${name}\n`).join(''));
}

/** A table has one name per family, so the second family begins with the first name that comes again. */
function splitNames(
  lines: readonly string[],
  recording: Recording,
): { readonly [family in 'ipv4' | 'ipv6']: string[] } {
  const names = lines.filter((line) => line !== '');
  const again = names.findIndex((name, index) => names.indexOf(name) < index);
  if (again >= 0) return { ipv4: names.slice(0, again), ipv6: names.slice(again) };
  const onlyIpv6 = dumpFiles(recording, 'iptables-legacy-save').length === 0;
  return onlyIpv6 ? { ipv4: [], ipv6: names } : { ipv4: names, ipv6: [] };
}

function get(recording: Recording, url: string): GetResult {
  const path = filesOfAnswer(url)
    .map((name) => recording.find(name))
    .find((candidate) => candidate !== null);
  if (path === undefined) return { ok: false, kind: 'absent', message: `GET ${url} was not recorded` };
  return answerOf(url, readFileSync(path, 'utf8'));
}

/** A silent kube-proxy was recorded as a line that says so, or as nothing; health answers have status and headers. */
function answerOf(url: string, text: string): GetResult {
  const end = text.indexOf('\n');
  const line = (end < 0 ? text : text.slice(0, end)).trim();
  if (line === '' || line.startsWith('no answer') || line.startsWith('# no answer')) {
    return {
      ok: false,
      kind: 'deadline',
      message: `GET ${url}: ${line === '' ? 'no answer' : line.replace(/^# (?:no answer: )?/, '')}`,
    };
  }
  if (!line.startsWith('HTTP/')) return { ok: true, status: 200, body: text };
  const status = Number(line.split(' ')[1]);
  const lines = text.split('\n');
  const blank = lines.findIndex((header) => header.trim() === '');
  return { ok: true, status, body: blank < 0 ? '' : lines.slice(blank + 1).join('\n') };
}
