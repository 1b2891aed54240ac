/**
 * A host that writes down what the agent asks of a node and what came back, so that recorded-host.ts gives the same
 * answers later. What is recorded is therefore what the collectors read: there is no other list of it.
 */
import { recordedPodsPath } from '../../agent/collectors/pod-networks/recorded-pods.ts';
import type { Command, GetResult, Host, ListResult, ReadResult, RunResult } from '../../agent/host.ts';
import {
  complaintFile,
  configurationCopies,
  configurationFolder,
  fileOfBird,
  fileOfCommand,
  fileOfPath,
  filesOfAnswer,
  flowsFile,
  isOfProcesses,
  isOfResolvers,
  isOfTheMoment,
  kubeletSettings,
  networkSettingsFolder,
  networkSettingsNames,
  pluginsFile,
  podsFile,
  processesFile,
  processFolder,
  resolverFile,
  settingsFile,
  settingsFolder,
  socketLists,
  stateFile,
  stateFolder,
} from '../../agent/recorded-names.ts';
import { settingName } from '../../agent/recorded-kernel.ts';
import type { NodeFolder } from './node-folder.ts';
import {
  ciliumStatus,
  cniNames,
  cniResult,
  healthCheck,
  kubeletNames,
  listenersForNames,
  podProcessesOnly,
  proxyConfiguration,
  proxyMetrics,
  proxyMode,
  reservation,
} from './without-secrets.ts';

export class RecordingHost implements Host {
  readonly #host: Host;
  readonly #folder: NodeFolder;
  readonly #problems = new Set<string>();
  readonly #settings = new Map<string, string>();
  readonly #states = new Map<string, string>();
  readonly #resolvers = new Map<string, string>();
  readonly #processes = new Map<string, string>();
  readonly #plugins = new Map<string, readonly string[]>();
  readonly list?: NonNullable<Host['list']>;
  readonly identify?: NonNullable<Host['identify']>;
  readonly executables?: NonNullable<Host['executables']>;
  readonly askBird?: NonNullable<Host['askBird']>;

  constructor(host: Host, folder: NodeFolder) {
    this.#host = host;
    this.#folder = folder;
    const { list, identify, executables, askBird } = host;
    if (list !== undefined) this.list = async (path, most) => this.#listed(path, await list.call(host, path, most));
    if (identify !== undefined) this.identify = (path) => identify.call(host, path);
    if (executables !== undefined) {
      this.executables = async (path, most) => this.#runnable(path, await executables.call(host, path, most));
    }
    if (askBird !== undefined) {
      this.askBird = async (path) => {
        const answer = await askBird.call(host, path);
        if (answer.ok) this.#folder.file(fileOfBird(path), answer.text);
        else if (answer.kind !== 'absent') this.#problems.add(answer.message);
        return answer;
      };
    }
  }

  /** What did not work, and therefore is not in the recording, one sentence each. */
  get problems(): readonly string[] {
    return [...this.#problems];
  }

  async run(command: Command, onOutput: (piece: Uint8Array) => void): Promise<RunResult> {
    const name = fileOfCommand([command.program, ...command.args].join(' '));
    if (name === null) {
      this.#unplaced([command.program, ...command.args].join(' '));
      return this.#host.run(command, onOutput);
    }
    const file = this.#folder.begin(name);
    const result = await this.#host.run(command, (piece) => {
      file.write(piece);
      onOutput(piece);
    });
    if (result.ok) {
      file.keep(name === flowsFile ? 'after' : 'instead');
      if (result.stderr !== '' && name !== flowsFile) this.#folder.file(complaintFile(name), result.stderr);
    } else {
      file.discard();
      this.#failed(result);
    }
    return result;
  }

  async read(path: string, maxBytes: number): Promise<ReadResult> {
    const result = await this.#host.read(path, maxBytes);
    if (isOfTheMoment(path)) return result;
    if (result.ok) this.#keepFile(path, result.bytes);
    else this.#failed(result);
    return result;
  }

  async readOfProcesses(paths: readonly string[], maxBytes: number): Promise<readonly ReadResult[]> {
    const { readOfProcesses } = this.#host;
    const results =
      readOfProcesses === undefined
        ? await Promise.all(paths.map((path) => this.#host.read(path, maxBytes)))
        : await readOfProcesses.call(this.#host, paths, maxBytes);
    for (const [at, result] of results.entries()) if (result.ok) this.#keepFile(paths[at] ?? '', result.bytes);
    return results;
  }

  async get(url: string, deadlineMs: number): Promise<GetResult> {
    const result = await this.#host.get(url, deadlineMs);
    const [name] = filesOfAnswer(url);
    if (name === undefined) this.#unplaced(`GET ${url}`);
    else if (result.ok || result.kind !== 'absent') this.#folder.file(name, answerText(name, result));
    return result;
  }

  /** Writes what is put together of several answers. To be called once nothing more is asked. */
  finish(): void {
    if (this.#settings.size > 0) {
      const lines = [...this.#settings].map(([name, value]) => `${name} = ${value}\n`);
      this.#folder.file(settingsFile, lines.join(''));
    }
    this.#writeObject(stateFile, this.#states);
    this.#writeObject(resolverFile, this.#resolvers);
    this.#writeObject(pluginsFile, this.#plugins);
    this.#writeObject(processesFile, podProcessesOnly(this.#processes));
  }

  #writeObject(name: string, content: ReadonlyMap<string, unknown>): void {
    if (content.size === 0) return;
    this.#folder.file(name, `${JSON.stringify(Object.fromEntries(content), null, 1)}\n`);
  }

  #runnable(path: string, result: ListResult): ListResult {
    if (result.ok) {
      this.#plugins.set(
        path,
        result.entries.map(({ name }) => name),
      );
    } else this.#failed(result);
    return result;
  }

  #listed(path: string, result: ListResult): ListResult {
    if (result.ok && path === configurationFolder) this.#folder.folder(configurationCopies);
    if (result.ok && path === networkSettingsFolder) {
      this.#folder.file(networkSettingsNames, result.entries.map(({ name }) => `${name}\n`).join(''));
    }
    if (!result.ok) this.#failed(result);
    return result;
  }

  #keepFile(path: string, bytes: Buffer): void {
    const name = fileOfPath(path);
    const text = () => bytes.toString('utf8');
    if (name !== null) this.#folder.file(name, bytes);
    else if (path === recordedPodsPath) this.#folder.file(podsFile, bytes);
    else if (isOfProcesses(path)) this.#processes.set(path.slice(processFolder.length), bytes.toString('latin1'));
    else if (path.startsWith(settingsFolder)) {
      this.#settings.set(settingName(path), text().trimEnd());
    } else if (path.startsWith(`${configurationFolder}/`)) {
      this.#folder.file(`${configurationCopies}/${path.slice(configurationFolder.length + 1)}`, cniNames(text()));
    } else if (path.startsWith(`${stateFolder}/`)) {
      const within = path.slice(stateFolder.length + 1);
      this.#states.set(within, within.startsWith('results/') ? cniResult(text()) : reservation(text()));
    } else if (isOfResolvers(path)) this.#resolvers.set(path, resolverText(path, text()));
    else this.#unplaced(path);
  }

  #failed(result: Extract<RunResult | ReadResult | ListResult, { readonly ok: false }>): void {
    if (result.kind !== 'absent') this.#problems.add(result.message);
  }

  #unplaced(what: string): void {
    this.#problems.add(`${what} was asked, and has no place in a recording: this is a defect of plumbline`);
  }
}

function resolverText(path: string, text: string): string {
  if (kubeletSettings.test(path)) return kubeletNames(text);
  return socketLists.test(path) ? listenersForNames(text) : text;
}

/** What recorded-host.ts reads back as the same answer. */
function answerText(name: string, result: GetResult): string {
  // The URL is that of the question.
  if (!result.ok) return `# no answer: ${result.message.replace(/^GET \S+: /, '')}\n`;
  const body = bodyOf(name, result.body);
  const isPlain = result.status === 200 && /^[^\s]/.test(body) && !/^(?:HTTP\/|(?:# )?no answer)/.test(body);
  return isPlain ? body : `HTTP/1.1 ${result.status}\n\n${body}`;
}

function bodyOf(name: string, body: string): string {
  switch (name) {
    case 'kube-proxy/healthz.txt':
    case 'kube-proxy/livez.txt':
      // Its status says all.
      return '';
    case 'kube-proxy/configz.json':
      return proxyConfiguration(body) ?? '(left out)\n';
    case 'cilium-status.json':
      return ciliumStatus(body);
    case 'kube-proxy/metrics.txt':
      return proxyMetrics(body);
    case 'kube-proxy/proxyMode.txt':
      return proxyMode(body);
    case 'cilium-service-list.json':
      return body;
    default:
      return healthCheck(body);
  }
}
