/**
 * What the kernel's connection tracking counts (/proc/net/stat/nf_conntrack): a line of names, then one line of
 * hexadecimal numbers per CPU. Which names there are differs between kernels.
 *
 *     entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error ...
 *     000001f4  00000000 00000000 00000000 00000003 00000000 00000000 00000000 00000000 00000002 00000000 00000000 ...
 */

/** The sum over all CPUs of each name that is counted per CPU; null when the text is no such table. */
export function readConntrackStat(text: string): ReadonlyMap<string, number> | null {
  const [head = '', ...lines] = text.trimEnd().split('\n');
  const names = words(head);
  if (!names.includes('entries') || lines.length === 0) return null;
  const sums = new Map<string, number>(names.map((name) => [name, 0]));
  for (const line of lines) {
    const values = words(line);
    if (values.length !== names.length || !values.every((value) => /^[0-9a-f]{1,16}$/.test(value))) return null;
    for (const [i, name] of names.entries()) {
      sums.set(name, (sums.get(name) ?? 0) + Number.parseInt(values[i] ?? '', 16));
    }
  }
  // Each CPU tells all of them.
  sums.delete('entries');
  return sums;
}

function words(line: string): readonly string[] {
  return line.split(/\s+/).filter((word) => word !== '');
}
