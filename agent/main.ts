/**
 * The agent: wiring only, and the only reader of arguments and environment. `plumbline agent` runs it with the flags of
 * node-flags.ts.
 */
import { hostname } from 'node:os';
import manifest from '../package.json' with { type: 'json' };
import { systemClock } from './clock.ts';
import { type AgentConfig, agentHelp, readConfig } from './config.ts';
import { cpuMeter, ownCpuSeconds } from './cpu-meter.ts';
import { KubeProxySyncHint } from './hints/kube-proxy-sync.ts';
import { NftGenerationHint } from './hints/nft-generation.ts';
import { localHost } from './host.ts';
import { jsonLog, type Log } from './log.ts';
import { LookingUp } from './lookups/looking-up.ts';
import { ReadingLoop } from './loop.ts';
import { Probing } from './probes/probing.ts';
import { recordedHost } from './recorded-host.ts';
import { AgentStream } from './stream/client.ts';

/** What runs must end within this time of a signal. */
const stopWithinMs = 5000;

const [command, ...rest] = process.argv.slice(2);
const outcome = readConfig({
  args: command === undefined || command === 'agent' ? rest : [command, ...rest],
  environment: process.env,
  hostname: hostname().toLowerCase(),
});
switch (outcome.kind) {
  case 'run':
    await run(outcome.config);
    break;
  case 'help':
    process.stdout.write(agentHelp);
    break;
  case 'version':
    process.stdout.write(`${manifest.version}\n`);
    break;
  case 'refused':
    process.stderr.write(`plumbline: cannot run the agent: ${outcome.message}\n`);
    process.exitCode = 2;
    break;
}

async function run(config: AgentConfig): Promise<void> {
  const log = jsonLog({ level: config.logLevel });
  const probing = probingOf(config, log);
  const lookingUp = lookingUpOf(config);
  const { host, loop, hints } = loopOf(config, log, { probing, lookingUp });
  const stream = new AgentStream({
    source: loop,
    addresses: config.addresses,
    addressesFile: config.addressesFile,
    nodeName: config.nodeName,
    agentVersion: manifest.version,
    credentials: config.credentials,
    dialSpreadSeconds: config.dialSpreadSeconds,
    aim: (targets) => probing?.aim(targets),
    log,
  });
  const die = (what: string) => (cause: unknown) => {
    log.error({ error: cause instanceof Error ? cause.stack : String(cause) }, what);
    // Programs lead process groups of their own, and would outlive this one.
    loop.stop();
    for (const hint of hints) void hint.stop();
    process.exit(1);
  };
  process.on('uncaughtException', die('the agent failed; this is a defect of plumbline'));
  process.on('unhandledRejection', die('the agent failed; this is a defect of plumbline'));
  const stop = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping');
    setTimeout(() => process.exit(0), stopWithinMs).unref();
    loop.stop();
    probing?.stop();
    lookingUp?.stop();
    void stream.stop();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    // Whoever started this program may have wanted to end it at once.
    process.removeAllListeners(signal);
    process.once(signal, stop);
  }
  log.info({ node: config.nodeName, aggregator: config.addresses, version: manifest.version }, 'the agent starts');
  await Promise.all([loop.run(hints), stream.run(), probing?.run(loop), lookingUp?.run(loop)]);
  log.info({ childPeakBytes: host.childPeakBytes?.() ?? 0, readings: loop.figures().readings }, 'the agent ends');
}

/** Null where probes are off, and of a recording, which is at no network. */
function probingOf({ probes, recorded }: AgentConfig, log: Log): Probing | null {
  return probes === null || recorded !== null ? null : new Probing({ setting: probes, clock: systemClock, log });
}

/** Null where lookups are off, and of a recording, whose servers are not here. */
function lookingUpOf({ lookups, recorded }: AgentConfig): LookingUp | null {
  return lookups === null || recorded !== null ? null : new LookingUp({ setting: lookups, clock: systemClock });
}

/** What tells of the node beside the readings of it. */
interface Beside {
  readonly probing: Probing | null;
  readonly lookingUp: LookingUp | null;
}

function loopOf({ recorded, pace, hostProc, criSocket }: AgentConfig, log: Log, { probing, lookingUp }: Beside) {
  const host = recorded === null ? localHost({ processFolder: hostProc, criSocket }) : recordedHost(recorded);
  const clock = systemClock;
  const rssBytes = () => process.memoryUsage.rss();
  const cpu = cpuMeter(host, ownCpuSeconds);
  const probes = probing === null ? undefined : () => probing.part();
  const lookups = lookingUp === null ? undefined : () => lookingUp.told();
  const loop = new ReadingLoop({ host, clock, cpu, rssBytes, limits: pace, log, probes, lookups });
  const nft = new NftGenerationHint({ host, clock, log });
  const kubeProxy = new KubeProxySyncHint({
    host,
    clock,
    ownCpu: ownCpuSeconds,
    isReading: () => loop.isReading,
    hearsNft: () => nft.isListening,
  });
  return { host, loop, hints: [nft, kubeProxy] };
}
