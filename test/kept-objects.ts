/** A Secret or ConfigMap in memory, kept as the API server keeps one: by resource version. */
import type { KeptAnswer, KeptObject, Keeper } from '../aggregator/model/kept-object.ts';

export interface KeptInMemory extends Keeper {
  data: Readonly<Record<string, string>>;
  /** The next answers are these. */
  readonly failures: (KeptAnswer<never> & { readonly ok: false })[];
  writes: number;
}

/** An empty one, unless said. */
export function keptInMemory(name: string, data: Readonly<Record<string, string>> = {}): KeptInMemory {
  let version = 1;
  const kept: KeptInMemory = {
    name,
    data,
    failures: [],
    writes: 0,
    read: async (): Promise<KeptAnswer<KeptObject>> =>
      kept.failures.shift() ?? { ok: true, value: { version: String(version), data: kept.data } },
    write: async (at, changes): Promise<KeptAnswer<null>> => {
      const failure = kept.failures.shift();
      if (failure !== undefined) return failure;
      if (at !== String(version)) return { ok: false, kind: 'conflict', message: 'the object has been modified' };
      version++;
      kept.writes++;
      kept.data = { ...kept.data, ...changes };
      return { ok: true, value: null };
    },
  };
  return kept;
}
