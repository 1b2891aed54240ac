/**
 * Certificates over years of virtual time: two aggregators that look when they happen to, an API that fails in the midst
 * of what they do, and somebody who empties the ConfigMap. Every certificate is a real one.
 */
import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IssuedCertificates } from '../../aggregator/certificates/issued-certificates.ts';
import { type KeptInMemory, keptInMemory } from '../kept-objects.ts';

const hour = 3_600_000;
const day = 24 * hour;
const names = ['plumbline-aggregator.plumbline.svc'];
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const began = Date.parse('2026-11-23T00:00:00Z');
const failures = [
  { ok: false, kind: 'unreachable', message: 'cut' },
  { ok: false, kind: 'conflict', message: 'the object has been modified' },
] as const;

interface Happening {
  /** Since the last one: from hourly looks to weeks in which the program does not run. */
  readonly hours: number;
  readonly who: 0 | 1;
  /** Which of the requests to each object fail, and how. */
  readonly secretFails: readonly (0 | 1)[];
  readonly trustFails: readonly (0 | 1)[];
  /** Somebody empties the ConfigMap before. */
  readonly isEmptied: boolean;
}

const happening: fc.Arbitrary<Happening> = fc.record({
  hours: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 30 }) }, fc.integer({ min: 100, max: 700 })),
  who: fc.constantFrom(0 as const, 1 as const),
  secretFails: fc.array(fc.constantFrom(0 as const, 1 as const), { maxLength: 2 }),
  trustFails: fc.array(fc.constantFrom(0 as const, 1 as const), { maxLength: 2 }),
  isEmptied: fc.integer({ min: 0, max: 40 }).map((one) => one === 0),
});

/** What one aggregator shows; null before it has any. */
interface Shows {
  readonly certificates: IssuedCertificates;
  chain: string | null;
}

function aggregators(secret: KeptInMemory, trust: KeptInMemory, now: () => number): readonly [Shows, Shows] {
  const open = (): Shows => {
    const certificates = new IssuedCertificates({ secret, trust, names, advertise: null, now, log, everyMs: 1e9 });
    const shows: Shows = { certificates, chain: null };
    certificates.subscribe(({ certificate }) => {
      shows.chain = certificate;
    });
    return shows;
  };
  return [open(), open()];
}

/** Whether whoever trusts this bundle takes this server. */
function isTrusted(bundle: string, chain: string, now: number): boolean {
  const leaf = new X509Certificate(chain);
  const isNow = ({ validFrom, validTo }: X509Certificate) => Date.parse(validFrom) <= now && now < Date.parse(validTo);
  const authorities = (bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (pem) => new X509Certificate(pem),
  );
  return isNow(leaf) && authorities.some((one) => isNow(one) && leaf.checkIssued(one) && leaf.verify(one.publicKey));
}

describe('two aggregators, over years of happenings', () => {
  it('show only what an agent takes that read the bundle a day ago', async () => {
    const seen = { renewals: 0, authorities: 0 };
    const run = async (happenings: readonly Happening[]) => {
      const clock = { now: began };
      const [secret, trust] = [keptInMemory('Secret p/tls'), keptInMemory('ConfigMap p/ca')];
      const both = aggregators(secret, trust, () => clock.now);
      for (const shows of both) shows.chain = (await shows.certificates.start()).certificate;
      /** What agents had: the kubelet shows them what there is, and keeps it while the ConfigMap is empty. */
      const bundles: { readonly at: number; readonly text: string }[] = [];
      const tell = () => {
        const text = trust.data['ca.crt'] ?? '';
        if (text !== '' && text !== bundles.at(-1)?.text) bundles.push({ at: clock.now, text });
      };
      tell();
      for (const { hours, who, secretFails, trustFails, isEmptied } of happenings) {
        clock.now += hours * hour;
        if (isEmptied) trust.data = {};
        secret.failures.push(...secretFails.map((one) => failures[one]));
        trust.failures.push(...trustFails.map((one) => failures[one]));
        const before = both[who].chain;
        await both[who].certificates.look();
        secret.failures.length = 0;
        trust.failures.length = 0;
        tell();
        // The other one looks within the hour, and nothing is in its way.
        await both[1 - who]?.certificates.look();
        await both[who].certificates.look();
        tell();
        if (both[who].chain !== before) seen.renewals++;
        const dayAgo = bundles.findLast(({ at }) => at <= clock.now - day) ?? bundles[0];
        for (const text of [trust.data['ca.crt'] ?? '', dayAgo?.text ?? '']) {
          for (const { chain } of both) expect(isTrusted(text, chain ?? '', clock.now)).toBe(true);
        }
      }
      seen.authorities += bundles.length;
      for (const { certificates } of both) certificates.stop();
    };
    // Values at the ends of their ranges, which come more often by themselves, would make the years short.
    const years = fc.noBias(fc.array(happening, { minLength: 250, maxLength: 250 }));
    await fc.assert(fc.asyncProperty(years, run), { numRuns: 5 });
    expect([seen.renewals > 50, seen.authorities > 15]).toEqual([true, true]);
  });
});
