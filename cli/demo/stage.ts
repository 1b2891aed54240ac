/** What the demo plays on: two namespaces with recorded rules, and the API objects that they are held against. */
import { join } from 'node:path';
import type { ClusterState } from '../../aggregator/model/cluster.ts';
import { readApiFolder } from '../audit/api-folder.ts';
import { openFolder } from '../audit/opened-folder.ts';
import type { Context } from '../context.ts';
import { done, type Outcome } from '../refusal.ts';
import { loadRules, makeNode, type NamespaceNode, removeNode } from './namespace-node.ts';
import { recordingArchive } from './recordings.ts';

export interface Stage {
  /** With rules of iptables-nft and of iptables-legacy. */
  readonly nodes: readonly [NamespaceNode, NamespaceNode];
  /** What the cluster asks for, of these two nodes only. */
  readonly cluster: ClusterState;
  /** Removes all that was made; safe to call again. Refused when something could not be removed. */
  close(): Outcome<null>;
}

/** Makes it, or refuses and leaves nothing. Closes it by itself when the program is ended early. */
export async function openStage(context: Context): Promise<Outcome<Stage>> {
  const recording = await openFolder(recordingArchive('s1-healthy'), 'show the demo');
  if (!recording.ok) return recording;
  const { folder } = recording.value;
  const nodes = [namespaceNode('node-a', 'nft', folder), namespaceNode('node-b', 'legacy', folder)] as const;
  const close = (): Outcome<null> => {
    forget();
    recording.value.close();
    const [failed] = nodes.map(removeNode).filter((removed) => !removed.ok);
    return failed ?? done(null);
  };
  const forget = context.onInterrupt(() => {
    close();
  });
  const cluster = setUp(nodes, join(folder, 'api'));
  if (cluster.ok) return done({ nodes, cluster: cluster.value, close });
  close();
  return cluster;
}

/** The process id keeps two demos at once apart. */
function namespaceNode(name: string, backend: NamespaceNode['backend'], recording: string): NamespaceNode {
  const namespace = `plumbline-demo-${process.pid}-${name}`;
  return { name, backend, namespace, folder: join(recording, name) };
}

function setUp(nodes: readonly NamespaceNode[], apiFolder: string): Outcome<ClusterState> {
  const state = readApiFolder(apiFolder, 'show the demo');
  if (!state.ok) return state;
  for (const node of nodes) {
    const made = makeNode(node);
    const loaded = made.ok ? loadRules(node) : made;
    if (!loaded.ok) return loaded;
  }
  const names = nodes.map((node) => node.name);
  return done({ ...state.value, nodes: state.value.nodes.filter((node) => names.includes(node.name)) });
}
