/** What a counter of the kernel rose by, in words and per minute. */
import type { Counter } from '../../../proto/parts.ts';

/** `12 in the last 60 s, 340 since the node started`. */
export function rate({ total, increase, windowSeconds }: Counter): string {
  return windowSeconds === 0
    ? `${total} since the node started`
    : `${increase} in the last ${windowSeconds} s, ${total} since the node started`;
}

/** By how much it rises in a minute; null before there are two readings half a minute apart. */
export function perMinute({ increase, windowSeconds }: Counter): number | null {
  return windowSeconds < 30 ? null : (increase * 60) / windowSeconds;
}
