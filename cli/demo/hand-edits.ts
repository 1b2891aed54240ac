/** What somebody does to the rules of a node by hand, and how it is undone: as commands that are shown, and run so. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { shellWord } from '../../aggregator/checks/shared/remedies.ts';
import { done, type Outcome, refused } from '../refusal.ts';
import type { NodeName } from './recordings.ts';
import type { Stage } from './stage.ts';
import { restoreCommands } from './typed-commands.ts';

export interface HandEdit {
  readonly breaking: readonly string[];
  readonly mending: readonly string[];
}

/** The same node at the same moment in all of it: the API has changed, and its kube-proxy has followed. */
const moment = 'after';

/** A Service with endpoints whose chain is emptied. */
const emptiedService = 'shop/web';

/** Empties the chain of a Service's cluster IP on node-a, in iptables mode. */
export function emptiedChain(stage: Stage): HandEdit {
  const { kernel, folder, text } = recordedRules(stage, 'node-a', 'iptables-nft-save.txt');
  const chain = new RegExp(`--comment "${emptiedService} cluster IP" .*-j (KUBE-SVC-\\w+)$`, 'm').exec(text)?.[1];
  if (chain === undefined) throw new Error(`node-a was recorded without ${emptiedService}`);
  if (kernel === null) return lineDeletion(join(folder, 'iptables-nft-save.txt'), `^-A ${chain} `);
  const breaking = [`ip netns exec ${kernel.namespace} iptables-nft -t nat -F ${chain}`];
  return { breaking, mending: restoreCommands(kernel, folder).slice(0, 1) };
}

/** Where pods send their DNS queries, as the map's key; nothing of this Service changes in the story. */
const lostKey = '10.96.0.10 . udp . 53';

/** Takes the cluster's DNS out of the map of cluster IPs on node-c, in nftables mode. */
export function lostElement(stage: Stage): HandEdit {
  const { kernel, folder, text } = recordedRules(stage, 'node-c', 'nft-list-ruleset.txt');
  // There it is the recorded text that loses it.
  if (kernel === null) return lineDeletion(join(folder, 'nft-list-ruleset.txt'), `${lostKey} : goto `);
  const [, after = ''] = text.split(` ${lostKey} : `);
  const verdict = /^goto [^\s,]+/.exec(after)?.[0];
  if (verdict === undefined) throw new Error(`node-c was recorded without ${lostKey}`);
  const edit = (verb: string, element: string) =>
    `ip netns exec ${kernel.namespace} nft ${verb} element ip kube-proxy service-ips '{ ${element} }'`;
  return { breaking: [edit('delete', lostKey)], mending: [edit('add', `${lostKey} : ${verdict}`)] };
}

/** Runs them in a shell, one after the other. Refused at the first that fails, with its first line of stderr. */
export function runTyped(commands: readonly string[]): Outcome<null> {
  for (const command of commands) {
    const { status, stderr, error } = spawnSync('sh', ['-c', command], { encoding: 'utf8', timeout: 20_000 });
    if (status === 0) continue;
    const reason = error?.message ?? (stderr.split('\n', 1)[0] || `it ended with code ${status}`);
    return refused(`run ${command}`, reason, 'It takes iproute2 and nftables.');
  }
  return done(null);
}

function recordedRules(stage: Stage, name: NodeName, file: string) {
  const folder = stage.recordedFolder(name, moment);
  return { kernel: stage.node(name).kernel, folder, text: readFileSync(join(folder, file), 'utf8') };
}

/** Deletes lines of a recorded file, which stays beside as it was. @param pattern without a slash. */
function lineDeletion(file: string, pattern: string): HandEdit {
  const whole = shellWord(`${file}.whole`);
  const breaking = [`sed -i.whole ${shellWord(`/${pattern}/d`)} ${shellWord(file)}`];
  return { breaking, mending: [`mv ${whole} ${shellWord(file)}`] };
}
