/** The labels of one namespace's pods: which pods a selector selects, and which labels it may have meant. */
import type { Pod } from '../../model/cluster.ts';
import { type SpelledName, slipsBetween, spelled } from './similar-text.ts';

export type Labels = Readonly<Record<string, string>>;

/** One requirement of a selector, and the label that it may have meant. */
interface MeantLabel {
  readonly key: string;
  readonly value: string;
  readonly meantKey: string;
  readonly meantValue: string;
}

/** What a selector may have meant. */
export interface NearLabels {
  /** The requirements that are met otherwise than they are written; at least one. */
  readonly slips: readonly MeantLabel[];
  /** Those that have the labels meant. Never empty. */
  readonly pods: readonly Pod[];
}

/** Keys that people give to one and the same label. */
const nameKeys: ReadonlySet<string> = new Set(['app', 'k8s-app', 'app.kubernetes.io/name', 'name', 'run']);

/** Pods with equal labels. */
interface PodGroup {
  readonly labels: Labels;
  readonly pods: Pod[];
}

/** A label that some pods have. */
interface KnownLabel {
  readonly key: string;
  readonly value: SpelledName;
  readonly groups: PodGroup[];
}

/** A way to read one requirement. */
interface Reading {
  readonly label: KnownLabel;
  /** 0 = as it is written. */
  readonly slips: number;
}

export class PodLabels {
  readonly #groups: readonly PodGroup[];
  /** By key and value, as soon as anything is asked that takes it. */
  #labels: ReadonlyMap<string, ReadonlyMap<string, KnownLabel>> | null = null;

  constructor(pods: Iterable<Pod>) {
    const groups = new Map<Labels, PodGroup>();
    for (const pod of pods) {
      // The watch keeps equal labels once; where somebody else did not, there are more groups.
      const group = groups.get(pod.labels);
      if (group === undefined) groups.set(pod.labels, { labels: pod.labels, pods: [pod] });
      else group.pods.push(pod);
    }
    this.#groups = [...groups.values()];
  }

  /** The pods that have every label of the selector. */
  selected(selector: Labels): readonly Pod[] {
    const requirements = Object.entries(selector);
    const [first] = requirements;
    if (first === undefined) return [];
    const groups = this.#known().get(first[0])?.get(first[1])?.groups ?? [];
    return groups
      .filter(({ labels }) => requirements.every(([key, value]) => labels[key] === value))
      .flatMap(({ pods }) => pods);
  }

  /** The nearest labels of pods that have all that a selector asks for but for slips; null where none are near. */
  nearest(selector: Labels): NearLabels | null {
    const readings = Object.entries(selector).map(([key, value]) => this.#readings(key, value));
    const fewest = readings.toSorted((one, other) => one.length - other.length)[0] ?? [];
    let best: { readonly group: PodGroup; readonly slips: number } | null = null;
    for (const group of new Set(fewest.flatMap(({ label }) => label.groups))) {
      const slips = slipsIn(group, readings);
      if (slips === null || slips === 0) continue;
      if (best === null || slips < best.slips || (slips === best.slips && isBefore(group, best.group))) {
        best = { group, slips };
      }
    }
    if (best === null) return null;
    const { labels } = best.group;
    const slips = Object.entries(selector).flatMap(([key, value], index): readonly MeantLabel[] => {
      const reading = likeliest(labels, readings[index] ?? []);
      if (reading === null || reading.slips === 0) return [];
      return [{ key, value, meantKey: reading.label.key, meantValue: reading.label.value.text }];
    });
    return { slips, pods: this.selected(corrected(selector, slips)) };
  }

  #readings(key: string, value: string): readonly Reading[] {
    const readings: Reading[] = [];
    const wanted = spelled(value);
    const wantedKey = spelled(key);
    for (const [knownKey, values] of this.#known()) {
      if (knownKey === key) {
        for (const label of values.values()) {
          const slips = label.value.text === value ? 0 : slipsBetween(wanted, label.value);
          if (slips !== null) readings.push({ label, slips });
        }
        continue;
      }
      const label = values.get(value);
      if (label === undefined) continue;
      const isSameName = nameKeys.has(key) && nameKeys.has(knownKey);
      const slips = isSameName ? 1 : slipsBetween(wantedKey, spelled(knownKey));
      if (slips !== null) readings.push({ label, slips });
    }
    return readings;
  }

  #known(): ReadonlyMap<string, ReadonlyMap<string, KnownLabel>> {
    if (this.#labels !== null) return this.#labels;
    const labels = new Map<string, Map<string, KnownLabel>>();
    for (const group of this.#groups) {
      for (const [key, value] of Object.entries(group.labels)) {
        const values = labels.get(key) ?? new Map<string, KnownLabel>();
        labels.set(key, values);
        const label = values.get(value);
        if (label === undefined) values.set(value, { key, value: spelled(value), groups: [group] });
        else label.groups.push(group);
      }
    }
    this.#labels = labels;
    return labels;
  }
}

/** The selector with what was meant in place of what was written. */
export function corrected(selector: Labels, slips: readonly MeantLabel[]): Labels {
  const wrong = new Set(slips.map(({ key }) => key));
  return Object.fromEntries([
    ...Object.entries(selector).filter(([key]) => !wrong.has(key)),
    ...slips.map(({ meantKey, meantValue }) => [meantKey, meantValue] as const),
  ]);
}

/** A selector as kubectl takes it: `app=web,tier=front`. */
export function selectorText(selector: Labels): string {
  return Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** The slips that it takes to select the group; null where it cannot be. */
function slipsIn({ labels }: PodGroup, readings: readonly (readonly Reading[])[]): number | null {
  let sum = 0;
  for (const requirement of readings) {
    const reading = likeliest(labels, requirement);
    if (reading === null) return null;
    sum += reading.slips;
  }
  return sum;
}

/** How a requirement is met by these labels with the fewest slips. */
function likeliest(labels: Labels, readings: readonly Reading[]): Reading | null {
  let best: Reading | null = null;
  for (const reading of readings) {
    const { key, value } = reading.label;
    if (labels[key] === value.text && (best === null || reading.slips < best.slips)) best = reading;
  }
  return best;
}

/** More pods first, then by text, so that the same cluster has the same suggestion. */
function isBefore(one: PodGroup, other: PodGroup): boolean {
  if (one.pods.length !== other.pods.length) return one.pods.length > other.pods.length;
  return selectorText(one.labels) < selectorText(other.labels);
}
