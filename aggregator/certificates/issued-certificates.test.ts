import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { opensslVerdict } from '../../test/certificates.ts';
import { keptInMemory } from '../../test/kept-objects.ts';
import { IssuedCertificates } from './issued-certificates.ts';
import { type IssuedState, readState, stateText } from './issued-state.ts';

const day = 86_400_000;
const rsaKey = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();

function fail(why: string): never {
  throw new Error(why);
}

const names = ['plumbline-aggregator.plumbline.svc', 'plumbline-aggregator-headless.plumbline.svc'];

function issued(secretData: Readonly<Record<string, string>> = {}) {
  const secret = keptInMemory('Secret plumbline/plumbline-tls', secretData);
  const trust = keptInMemory('ConfigMap plumbline/plumbline-ca');
  const clock = { now: Date.parse('2026-11-23T02:00:00Z') };
  const said: string[] = [];
  const say = (_: object, message: string) => void said.push(message);
  const options = { secret, trust, names, advertise: '10.244.1.7:8443', now: () => clock.now, againMs: 5 };
  const log = { info: say, warn: say, error: say };
  return { secret, trust, clock, said, open: () => new IssuedCertificates({ ...options, log, everyMs: 1e9 }) };
}

function authoritiesIn(bundle: string): readonly X509Certificate[] {
  return (bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (pem) => new X509Certificate(pem),
  );
}

describe('certificates that the aggregator makes', () => {
  it('are for its names, of an authority that agents are told, and where it is', async () => {
    const { trust, open } = issued();
    const certificates = open();
    const pair = await certificates.start();
    const leaf = new X509Certificate(pair.certificate);
    const [authority] = authoritiesIn(trust.data['ca.crt'] ?? '');
    expect(leaf.subjectAltName).toBe(names.map((name) => `DNS:${name}`).join(', '));
    expect([authority?.ca, leaf.ca, authority && leaf.verify(authority.publicKey)]).toEqual([true, false, true]);
    expect(authority && leaf.checkIssued(authority)).toBe(true);
    expect(trust.data.addresses).toBe('10.244.1.7:8443\n');
    certificates.stop();
  });

  it('are what openssl takes for each of their names, before the authority rolls, while two are told, and after', async () => {
    const { clock, trust, open } = issued();
    const certificates = open();
    let chain = (await certificates.start()).certificate;
    certificates.subscribe(({ certificate }) => {
      chain = certificate;
    });
    const verdicts: string[][] = [];
    for (const days of [0, 551, 2, 8]) {
      clock.now += days * day;
      await certificates.look();
      const bundle = trust.data['ca.crt'] ?? '';
      const asked = [...names, 'other.svc'].map((name) => opensslVerdict({ bundle, chain, name, at: clock.now }));
      verdicts.push(asked);
    }
    certificates.stop();
    expect(verdicts).toEqual(Array(4).fill(['OK', 'OK', 'hostname mismatch']));
  });

  it('are the same after a restart, and written once', async () => {
    const { secret, open } = issued();
    const first = await open().start();
    const { writes } = secret;
    expect(await open().start()).toEqual(first);
    expect(secret.writes).toBe(writes);
  });

  it('are renewed after two thirds of their life, by the same authority, and told to who listens', async () => {
    const { clock, trust, open } = issued();
    const certificates = open();
    const first = await certificates.start();
    const bundle = trust.data['ca.crt'];
    const told: string[] = [];
    certificates.subscribe(({ certificate }) => void told.push(certificate));
    clock.now += 59 * day;
    await certificates.look();
    expect(told).toEqual([]);
    clock.now += 2 * day;
    await certificates.look();
    expect([told.length, told[0] === first.certificate, trust.data['ca.crt'] === bundle]).toEqual([1, false, true]);
    certificates.stop();
  });

  it('go over to the next authority a day after agents were told of it, and forget the old one a week later', async () => {
    const { clock, trust, open } = issued();
    const certificates = open();
    let { certificate } = await certificates.start();
    certificates.subscribe((pair) => {
      certificate = pair.certificate;
    });
    const trusted = () => authoritiesIn(trust.data['ca.crt'] ?? '');
    const [first] = trusted();
    const seen: (readonly [number, boolean])[] = [];
    clock.now += 551 * day;
    for (const wait of [0, 0, 2 * day, 8 * day]) {
      clock.now += wait;
      await certificates.look();
      seen.push([trusted().length, first !== undefined && new X509Certificate(certificate).checkIssued(first)]);
      expect(trusted().some(({ publicKey }) => new X509Certificate(certificate).verify(publicKey))).toBe(true);
    }
    expect(seen).toEqual([
      [2, true],
      [2, true],
      [2, false],
      [1, false],
    ]);
    certificates.stop();
  });

  it('go over a day later where the ConfigMap was emptied meanwhile: agents could not know the next authority', async () => {
    const { clock, trust, open } = issued();
    const certificates = open();
    let { certificate } = await certificates.start();
    certificates.subscribe((pair) => {
      certificate = pair.certificate;
    });
    const first = authoritiesIn(trust.data['ca.crt'] ?? '')[0] ?? fail('no authority');
    clock.now += 551 * day;
    await certificates.look();
    const bundle = trust.data['ca.crt'];
    const seen: boolean[] = [];
    for (const hours of [23, 2, 22, 3]) {
      clock.now += hours * 3_600_000;
      if (hours === 2) trust.data = {};
      await certificates.look();
      expect(trust.data['ca.crt']?.length).toBe(bundle?.length);
      seen.push(new X509Certificate(certificate).verify(first.publicKey));
    }
    certificates.stop();
    expect(seen).toEqual([true, true, true, false]);
  });

  it('are not made where somebody else wrote into the Secret: that is said, and nothing is touched', async () => {
    const foreign = { 'tls.crt': 'theirs', 'tls.key': 'theirs' };
    const { secret, open } = issued(foreign);
    await expect(open().start()).rejects.toThrow(
      'Secret plumbline/plumbline-tls holds tls.crt, tls.key, which this aggregator did not write. Give it as --tls-cert-file',
    );
    expect(secret.data).toEqual(foreign);
    await expect(issued({ 'plumbline.json': '{"version":1' }).open().start()).rejects.toThrow('that cannot be used');
  });

  it.each<[string, (state: IssuedState, other: IssuedState) => IssuedState]>([
    ['of two leaves', (state, other) => ({ ...state, leaf: { ...state.leaf, key: other.leaf.key } })],
    ['without a key', (state) => ({ ...state, leaf: { ...state.leaf, key: '' } })],
    [
      'half written',
      (state) => ({ ...state, leaf: { ...state.leaf, certificate: state.leaf.certificate.slice(0, 90) } }),
    ],
    ['of another authority', (state, other) => ({ ...state, leaf: other.leaf })],
    ['with a key of another kind', (state) => ({ ...state, leaf: { ...state.leaf, key: rsaKey } })],
    ['that is expired', (state) => ({ ...state, leaf: { ...state.leaf, notBefore: 0, notAfter: 1 } })],
  ])('are made anew where the kept leaf is one %s', async (_, change) => {
    const { secret, trust, open } = issued();
    await open().start();
    const other = issued();
    await other.open().start();
    const read = (text = '') => readState(text) ?? fail('no state');
    const kept = read(secret.data['plumbline.json']);
    secret.data = { 'plumbline.json': stateText(change(kept, read(other.secret.data['plumbline.json']))) };
    const pair = await open().start();
    const [authority] = authoritiesIn(trust.data['ca.crt'] ?? '');
    const leaf = new X509Certificate(pair.certificate);
    expect([leaf.checkPrivateKey(createPrivateKey(pair.key)), authority && leaf.checkIssued(authority)]).toEqual([
      true,
      true,
    ]);
    expect(authority?.raw.equals(new X509Certificate(kept.authority.certificate).raw)).toBe(true);
  });

  it('are not made where the key of the authority is another', async () => {
    const { secret, open } = issued();
    await open().start();
    const kept = readState(secret.data['plumbline.json'] ?? '') ?? fail('no state');
    secret.data = { 'plumbline.json': stateText({ ...kept, authority: { ...kept.authority, key: rsaKey } }) };
    await expect(open().start()).rejects.toThrow('that cannot be used');
  });

  it('stay as they are where the authority that comes next is none', async () => {
    const { secret, clock, trust, open } = issued();
    const certificates = open();
    await certificates.start();
    clock.now += 551 * day;
    await certificates.look();
    certificates.stop();
    const kept = readState(secret.data['plumbline.json'] ?? '') ?? fail('no state');
    const next = kept.next ?? fail('no next authority');
    const told = trust.data;
    secret.data = {
      'plumbline.json': stateText({ ...kept, next: { ...next, authority: { ...next.authority, key: rsaKey } } }),
    };
    await expect(open().start()).rejects.toThrow('that cannot be used');
    expect(trust.data).toEqual(told);
  });

  it('are written again where somebody emptied the Secret meanwhile', async () => {
    const { secret, trust, open } = issued();
    const certificates = open();
    const pair = await certificates.start();
    const [kept, bundle] = [secret.data, trust.data['ca.crt']];
    secret.data = {};
    await certificates.look();
    expect([secret.data, trust.data['ca.crt'], await certificates.start()]).toEqual([kept, bundle, pair]);
    certificates.stop();
  });

  it('are waited for while the API server cannot be reached, and refused at once where it says no', async () => {
    const { secret, said, open } = issued();
    secret.failures.push({ ok: false, kind: 'unreachable', message: 'GET https://192.0.2.1/...: unreachable' });
    expect((await open().start()).certificate).toContain('BEGIN CERTIFICATE');
    expect(said[0]).toBe('certificates could not be looked at; it is tried again');
    secret.failures.push({ ok: false, kind: 'refused', message: 'secrets is forbidden' });
    await expect(open().start()).rejects.toThrow('secrets is forbidden');
  });

  it('are those of whoever was faster, where two begin at once', async () => {
    const { open } = issued();
    const [one, other] = await Promise.all([open().start(), open().start()]);
    expect(one).toEqual(other);
  });

  it('stay in use while they cannot be kept, and a figure says so', async () => {
    const { secret, clock, open } = issued();
    const certificates = open();
    const first = await certificates.start();
    clock.now += 61 * day;
    secret.failures.push({ ok: false, kind: 'unreachable', message: 'cut' });
    await certificates.look();
    const good = () => certificates.figures().find(({ name }) => name === 'plumbline_tls_cert_files_good')?.value;
    expect([await certificates.start(), good()]).toEqual([first, 0]);
    await certificates.look();
    expect(good()).toBe(1);
    certificates.stop();
  });

  it('are said to expire soon while nothing renews them', async () => {
    const { secret, clock, said, open } = issued();
    const certificates = open();
    await certificates.start();
    const cut = { ok: false, kind: 'unreachable', message: 'cut' } as const;
    said.length = 0;
    for (const days of [75, 2]) {
      clock.now += days * day;
      secret.failures.push(cut);
      await certificates.look();
    }
    certificates.stop();
    const again = 'certificates could not be looked at; it is tried again';
    expect(said).toEqual([again, again, 'the certificate expires soon']);
  });
});
