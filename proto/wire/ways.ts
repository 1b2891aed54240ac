/** Ways to the aggregator as messages, and back. What comes is hostile until it is read. */
import { longestAddress, mostWays, type Way, type WayFailure, type WayKind, wayFailures, wayKinds } from '../ways.ts';
import type * as wire from '../generated/plumbline/agent/v1/agent.ts';
import { type Decoded, fits, misfit } from './decoded.ts';

/** The largest age that the wire carries, some 49 days. */
const longestAgeMs = 0xffff_ffff;

export function encodeWays(ways: readonly Way[]): wire.Ways {
  return { ways: ways.map(encodeWay) };
}

function encodeWay({ address, kind, inUse, workedAgeMs, failedAgeMs, failingAgeMs, reason }: Way): wire.Way {
  return {
    address,
    kind,
    inUse,
    workedAgeMs: age(workedAgeMs),
    failedAgeMs: age(failedAgeMs),
    failingAgeMs: age(failingAgeMs),
    reason: reason ?? '',
  };
}

function age(ms: number | null): number | undefined {
  return ms === null ? undefined : Math.min(longestAgeMs, Math.max(0, Math.round(ms)));
}

/** The ways of a heartbeat. A kind or reason of a later version is one that has no word here. */
export function decodeWays({ ways }: wire.Ways): Decoded<readonly Way[]> {
  if (ways.length > mostWays) return misfit(`${ways.length} ways, of ${mostWays} at most`);
  const decoded = ways.map(decodeWay);
  const addresses = new Set(ways.map(({ address }) => address));
  if (addresses.size < ways.length) return misfit('a way that is told twice');
  if (decoded.filter((way) => way?.inUse).length > 1) return misfit('two ways for one stream');
  const whole = decoded.filter((way) => way !== null);
  return whole.length === ways.length ? fits(whole) : misfit('a way that cannot be');
}

/** Null for what nobody can mean: an address of other characters, a failure that began after it was seen last. */
function decodeWay({ address, kind, inUse, reason, ...ages }: wire.Way): Way | null {
  const [workedAgeMs, failedAgeMs, failingAgeMs] = [
    ages.workedAgeMs ?? null,
    ages.failedAgeMs ?? null,
    ages.failingAgeMs ?? null,
  ];
  if (address.length > longestAddress || !/^[!-~]+$/.test(address)) return null;
  if (failingAgeMs !== null && (inUse || failedAgeMs === null || failingAgeMs < failedAgeMs)) return null;
  return {
    address,
    kind: wayKinds.find((word): word is WayKind => word === kind) ?? 'other',
    inUse,
    workedAgeMs,
    failedAgeMs,
    failingAgeMs,
    reason: failedAgeMs === null ? null : (wayFailures.find((word): word is WayFailure => word === reason) ?? null),
  };
}
