/** Filters as chips, all of them in the URL: what is pressed can be sent on. */
import { chipNames, type ChipName, type Filters, type FindingRow, queryOf, toggled } from '../finding-rows.ts';
import { setQuery } from '../route.ts';

/** Chips that are always offered; of the others only what is chosen is shown. */
const offered: readonly (readonly [ChipName, readonly string[]])[] = [
  ['state', ['firing', 'pending', 'unknown', 'suppressed', 'resolved', 'gone']],
  ['severity', ['critical', 'high', 'medium', 'low']],
];

export function Chips({
  filters,
  rows,
}: {
  readonly filters: Filters;
  readonly rows: ReadonlyMap<string, FindingRow>;
}) {
  const change = (name: ChipName, value: string) => setQuery(queryOf(toggled(filters, name, value)));
  const chosen = chipNames
    .filter((name) => !offered.some(([known]) => known === name))
    .flatMap((name) => (filters.chips.get(name) ?? []).map((value) => [name, value] as const));
  const counts = countsOf(rows);
  return (
    <div class="chips">
      {offered.map(([name, values]) => (
        <fieldset key={name}>
          <legend class="heard">{name}</legend>
          {values.map((value) => (
            <button
              key={value}
              type="button"
              class={`chip ${value}`}
              aria-pressed={filters.chips.get(name)?.includes(value) ?? false}
              onClick={() => change(name, value)}
            >
              {value} {counts.has(value) && <span class="quiet">{counts.get(value)}</span>}
            </button>
          ))}
        </fieldset>
      ))}
      {(chosen.length > 0 || filters.text !== '') && (
        <fieldset>
          <legend class="heard">other filters</legend>
          {chosen.map(([name, value]) => (
            <button
              key={`${name} ${value}`}
              type="button"
              class="chip"
              aria-pressed
              onClick={() => change(name, value)}
            >
              {name} {value} ✕
            </button>
          ))}
          {filters.text !== '' && (
            <button type="button" class="chip" aria-pressed onClick={() => setQuery(queryOf({ ...filters, text: '' }))}>
              “{filters.text}” ✕
            </button>
          )}
        </fieldset>
      )}
    </div>
  );
}

function countsOf(rows: ReadonlyMap<string, FindingRow>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { state, severity } of rows.values()) {
    for (const value of [state, severity]) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}
