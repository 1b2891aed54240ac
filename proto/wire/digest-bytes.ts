/** Digests as they travel: 16 bytes for the 32 hexadecimal digits that the rest of the code knows. */

export const digestLength = 16;

/**
 * The bytes of a digest.
 * @throws when the text is no digest: digests are made by proto/canonical.ts, so that is a bug.
 */
export function digestBytes(hex: string): Uint8Array {
  if (hex.length !== digestLength * 2) throw new Error(`no digest: ${hex}`);
  const bytes = new Uint8Array(digestLength);
  for (let index = 0; index < digestLength; index++) {
    const high = nibble(hex.charCodeAt(index * 2));
    const low = nibble(hex.charCodeAt(index * 2 + 1));
    if (high < 0 || low < 0) throw new Error(`no digest: ${hex}`);
    bytes[index] = high * 16 + low;
  }
  return bytes;
}

/** The digest of these bytes; null unless there are 16. */
export function digestText(bytes: Uint8Array): string | null {
  if (bytes.length !== digestLength) return null;
  let text = '';
  for (const byte of bytes) text += hexOf[byte];
  return text;
}

const hexOf: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The value of a lower-case hexadecimal digit; -1 for anything else. */
function nibble(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 102 ? code - 87 : -1;
}
