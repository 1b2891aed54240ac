/**
 * One tar header. Follows tar(5) of libarchive and pax(1) of POSIX: 512-byte headers (ustar, GNU or pax), each file's
 * bytes padded to 512, two blocks of zeros at the end. Header fields: name 0-99, size 124-135 (octal), checksum 148-155,
 * type 156, "ustar" 257-261, prefix 345-499.
 */

/** Bytes of a header, and what a file's bytes are padded to. */
export const blockSize = 512;

/** The sum of all header bytes, the checksum's own eight counted as blanks. */
export function checksumHolds(header: Buffer): boolean {
  let sum = 0;
  for (let at = 0; at < blockSize; at += 1) sum += at >= 148 && at < 156 ? 32 : (header[at] ?? 0);
  return octal(header.subarray(148, 156)) === sum;
}

/** An octal field, closed by NULs or blanks; null when it is none (also GNU's binary sizes of 8 GiB and more). */
export function octal(field: Buffer): number | null {
  const text = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trimStart();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : null;
}

/** The path that a header gives: its name, behind the prefix of POSIX headers. */
export function headerName(header: Buffer): string {
  const name = textField(header.subarray(0, 100));
  const isPosix = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? textField(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function textField(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? field.length : end);
}

/** The name in a GNU long-name entry, or in pax records (`27 path=...\n`); null when there is none. */
export function longName(type: 'gnu' | 'pax', content: Buffer): string | null {
  if (type === 'gnu') return textField(content);
  let at = 0;
  let path: string | null = null;
  while (at < content.length) {
    const length = Number.parseInt(content.toString('latin1', at, at + 20), 10);
    if (!(length > 0)) return path;
    const record = content.toString('utf8', at, at + length - 1);
    const match = /^\d+ path=(.*)$/s.exec(record);
    if (match?.[1] !== undefined) path = match[1];
    at += length;
  }
  return path;
}
