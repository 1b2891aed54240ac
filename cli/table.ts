/** Columns as kubectl prints them: upper-case heads, three blanks between, nothing after the last. */

/** Lines of aligned columns; `head` may be empty for rows without one. Cells hold plain text, one line each. */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = head.length > 0 ? [head, ...rows] : rows;
  const widths = columnWidths(all);
  return all.map((row) => alignedLine(row, widths));
}

/** The widths that hold these rows, and are no narrower than before. */
export function columnWidths(rows: readonly (readonly string[])[], before: readonly number[] = []): readonly number[] {
  const widths = [...before];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return widths;
}

/** One row in columns of these widths. */
export function alignedLine(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => cell.padEnd(widths[column] ?? 0))
    .join('   ')
    .trimEnd();
}

/**
 * Text set in lines of at most `columns`, each indented. Words longer than a line (commands, names) are kept whole, so
 * that they can be copied. Line breaks in the text are kept.
 */
export function wrap(text: string, columns: number, indent = ''): readonly string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && indent.length + line.length + 1 + word.length > columns) {
        lines.push(indent + line);
        line = word;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    lines.push((indent + line).trimEnd());
  }
  return lines;
}

/** `1 node`, `3 nodes`; `plural` where an s will not do. */
export function count(number: number, singular: string, plural = `${singular}s`): string {
  return `${number} ${number === 1 ? singular : plural}`;
}
