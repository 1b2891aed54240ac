/** What /metrics says of the watches. */
import type { Figure } from '../model/record.ts';
import type { KindState } from './followed-kind.ts';

/** Names and labels are part of the program's interface. */
export function watchFigures(kinds: readonly KindState[]): readonly Figure[] {
  return kinds.flatMap((state): readonly Figure[] => {
    const { of, health, counts, objects, unreadable, forgotten } = state;
    const labels = { kind: of };
    // What the owner does not grant has no age, and nobody waits for it.
    if (state.isRefused) return [];
    return [
      {
        name: 'plumbline_watch_age_seconds',
        help: 'Seconds since the API server told anything of this kind of objects.',
        kind: 'gauge',
        labels,
        value: health.ageMs / 1000,
      },
      {
        name: 'plumbline_watch_fresh',
        help: 'Whether this kind of objects is known as it is now: 1 yes, 0 no.',
        kind: 'gauge',
        labels,
        value: health.fresh ? 1 : 0,
      },
      {
        name: 'plumbline_watch_objects',
        help: 'Objects of this kind that are held.',
        kind: 'gauge',
        labels,
        value: objects,
      },
      {
        name: 'plumbline_watch_unreadable_objects',
        help: 'Objects of this kind that could not be read, and are missing.',
        kind: 'gauge',
        labels,
        value: unreadable,
      },
      {
        name: 'plumbline_watch_forgotten_objects_total',
        help: 'Objects of this kind that were not kept, because there were too many.',
        kind: 'counter',
        labels,
        value: forgotten,
      },
      {
        name: 'plumbline_watch_restarts_total',
        help: 'Watches opened after the first.',
        kind: 'counter',
        labels,
        value: Math.max(0, counts.watches - 1),
      },
      {
        name: 'plumbline_watch_relists_total',
        help: 'Times that all objects were listed, the first included.',
        kind: 'counter',
        labels,
        value: counts.lists,
      },
      ...[...counts.errors].map(
        ([reason, value]): Figure => ({
          name: 'plumbline_watch_errors_total',
          help: 'Failed requests by HTTP status, or by why there was no answer.',
          kind: 'counter',
          labels: { ...labels, reason },
          value,
        }),
      ),
    ];
  });
}
