/** What a diagnosis may see, out of a bundle: its nodes as they were recorded, judged by the same checks. */
import { readApiFolder } from '../audit/api-folder.ts';
import type { WhileOpen } from '../audit/audit-bundle.ts';
import { judgeViews, type ObservedNode, observeAll } from '../audit/audit-nodes.ts';
import { type Bundle, type BundlePlaces, isTold, openBundle } from '../audit/bundle.ts';
import { recordedHost } from '../../agent/recorded-host.ts';
import type { DiagnosisInput, NodeFacts } from '../../aggregator/diagnose/input.ts';
import type { ClusterSnapshot } from '../../aggregator/model/cluster.ts';
import { done, type Outcome } from '../refusal.ts';

/** Opens a bundle, reads every node in it, and closes it again. */
export async function recordedInput(places: BundlePlaces, whileOpen: WhileOpen): Promise<Outcome<DiagnosisInput>> {
  const bundle = await openBundle(places);
  if (!bundle.ok) return bundle;
  const forget = whileOpen(bundle.value.close);
  try {
    const attempted = `trace in ${places.bundle}`;
    const state = readApiFolder(bundle.value.apiFolder, attempted);
    if (!state.ok) return state;
    const nodes = await readNodes(bundle.value, attempted);
    return nodes.ok ? done(inputOf(nodes.value.judged, state.value, nodes.value.unjudged)) : nodes;
  } finally {
    forget();
    bundle.value.close();
  }
}

interface ReadNodes {
  readonly judged: readonly ObservedNode[];
  /** Why nothing is known of a node that was told. */
  readonly unjudged: ReadonlyMap<string, string>;
}

async function readNodes({ nodes }: Bundle, attempted: string): Promise<Outcome<ReadNodes>> {
  const raw = nodes.filter((node) => !isTold(node));
  const hosts = raw.map(({ name, folder, under }) => ({
    name,
    host: under === null ? recordedHost(folder) : recordedHost(folder, under),
  }));
  const observed = await observeAll(hosts);
  if (raw.length === nodes.length) return done({ judged: observed, unjudged: new Map() });
  const { readToldNodes } = await import('../audit/told-nodes.ts');
  const told = readToldNodes(nodes.filter(isTold), attempted);
  if (!told.ok) return told;
  const unjudged = told.value.unjudged.map(
    ({ status, notJudgedBecause }) => [status.name, notJudgedBecause ?? 'it was not judged'] as const,
  );
  return done({ judged: [...observed, ...told.value.judged], unjudged: new Map(unjudged) });
}

/** The same of nodes that are read already. Pure. */
export function inputOf(
  observed: readonly ObservedNode[],
  state: ClusterSnapshot,
  unjudged: ReadonlyMap<string, string> = new Map(),
): DiagnosisInput {
  const { views, objects, evaluation } = judgeViews(observed, state);
  const explanations = new Map(observed.map(({ name, observation }) => [name, observation.explain]));
  const known = new Map<string, NodeFacts>(
    views.map((view) => [
      view.name,
      { isKnown: true, view, ageSeconds: null, explain: explanations.get(view.name) ?? null },
    ]),
  );
  return {
    objects,
    findings: evaluation.findings,
    node: (name) => known.get(name) ?? { isKnown: false, because: unjudged.get(name) ?? 'it was not recorded' },
  };
}
