/** One control for all filters that have no chips of their own: what there is to choose from is what findings have. */
import { type ChipName, type Filters, type FindingRow, queryOf, toggled } from '../finding-rows.ts';
import { setQuery } from '../route.ts';

const choices = ['layer', 'check', 'node', 'service'] as const;
const titles = { layer: 'Layer', check: 'Check', node: 'Node', service: 'Service' } as const;
/** Of each the most frequent; the search finds the others. */
const mostOfEach = 30;

interface Chosen {
  readonly filters: Filters;
  readonly rows: ReadonlyMap<string, FindingRow>;
}

export function FilterChoice({ filters, rows }: Chosen) {
  const choose = (choice: string) => {
    const [name, value = ''] = choice.split(' ');
    const known = choices.find((each) => each === name);
    if (known !== undefined) setQuery(queryOf(toggled(filters, known, value)));
  };
  return (
    <label class="choice">
      Only{' '}
      <select
        value=""
        onChange={({ currentTarget }) => {
          choose(currentTarget.value);
          currentTarget.value = '';
        }}
      >
        <option value="">of …</option>
        {choices.map((name) => (
          <optgroup key={name} label={titles[name]}>
            {valuesOf(name, { filters, rows }).map(([value, count]) => (
              <option key={value} value={`${name} ${value}`}>
                {value} ({count})
              </option>
            ))}
          </optgroup>
        ))}
      </select>
    </label>
  );
}

/** The values that are not chosen yet, the most frequent first, each with how often it is. */
function valuesOf(name: ChipName, { filters, rows }: Chosen): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const row of rows.values()) {
    const value = row[name];
    if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  for (const value of filters.chips.get(name) ?? []) counts.delete(value);
  return [...counts].sort(([, one], [, other]) => other - one).slice(0, mostOfEach);
}
