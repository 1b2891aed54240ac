/** A node that is a folder of recordings, for tests that are not about the kernel: its agent costs next to nothing. */
import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { syncedNow, type TestNode } from './test-node.ts';

export interface RecordedNodePlan {
  readonly name: string;
  readonly backend: 'nft' | 'legacy';
  readonly recording: string;
  /** An empty folder of its own. */
  readonly folder: string;
}

/** Copies the recorded node; its agent reads it every second or two. */
export function openRecordedNode({ name, backend, recording, folder }: RecordedNodePlan): TestNode {
  cpSync(recording, folder, { recursive: true });
  const file = join(folder, `iptables-${backend}-save.txt`);
  return {
    name,
    folder,
    enter: [],
    rules: () => readFileSync(file, 'utf8'),
    write: (rules) => replaceFile(file, rules),
    tellSync: () => {
      const metrics = join(folder, 'kube-proxy/metrics.txt');
      replaceFile(metrics, syncedNow(readFileSync(metrics, 'utf8')));
    },
    agentOptions: ['--recorded', folder, '--min-interval', '1'],
    companions: [],
    close: async () => {},
  };
}

/** A reader sees the old text or the new, never a part. */
function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
