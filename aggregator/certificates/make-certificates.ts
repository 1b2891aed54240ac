/** Makes an authority and leaves of it: ECDSA on P-256, https://www.rfc-editor.org/rfc/rfc5280. */
// The library builds its parts by reflection.
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { DatedPair, IssuedState } from './issued-state.ts';
import { authorityMs, leafMs, type Step, trustedUntil } from './rotation.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Clocks of nodes may be behind. */
const earlierMs = 3_600_000;

type Keys = Awaited<ReturnType<typeof newKeys>>;

/** The state after a step. @param state null where there is none yet, whatever the step. */
export async function afterStep(
  state: IssuedState | null,
  step: Step,
  { names, now }: { readonly names: readonly string[]; readonly now: number },
): Promise<IssuedState> {
  if (state === null) return newState(names, now);
  switch (step) {
    case 'make-all': {
      // Agents that do not know the new one yet are no worse off, and those that do can still meet the old one.
      const former = { certificate: state.authority.certificate, until: trustedUntil(now) };
      return { ...(await newState(names, now)), former };
    }
    case 'renew-leaf':
      return { ...state, leaf: await makeLeaf(state.authority, names, now), names };
    case 'make-next':
      return { ...state, next: { authority: await makeAuthority(now), publishedAt: null } };
    case 'switch': {
      const authority = state.next?.authority ?? state.authority;
      const former = { certificate: state.authority.certificate, until: trustedUntil(now) };
      return { authority, leaf: await makeLeaf(authority, names, now), names, next: null, former };
    }
    case 'drop-former':
      return { ...state, former: null };
  }
}

async function newState(names: readonly string[], now: number): Promise<IssuedState> {
  const authority = await makeAuthority(now);
  return { authority, leaf: await makeLeaf(authority, names, now), names, next: null, former: null };
}

async function makeAuthority(now: number): Promise<DatedPair> {
  const keys = await newKeys();
  const times = { notBefore: new Date(now - earlierMs), notAfter: new Date(now + authorityMs) };
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=Plumbline authority of ${new Date(now).toISOString().slice(0, 10)}`,
    ...times,
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return dated(certificate, keys);
}

async function makeLeaf(authority: DatedPair, names: readonly string[], now: number): Promise<DatedPair> {
  const [first = 'plumbline'] = names;
  const issuer = new X509Certificate(authority.certificate);
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    // A common name has 64 characters at most; who is meant, the names below say.
    subject: `CN=${first.slice(0, 64)}`,
    issuer: issuer.subject,
    notBefore: new Date(now - earlierMs),
    notAfter: new Date(Math.min(now + leafMs, authority.notAfter)),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return dated(certificate, keys);
}

async function newKeys() {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function importKey(pem: string) {
  const [der] = PemConverter.decode(pem);
  if (der === undefined) throw new Error('the key of the authority is no PEM');
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
}

async function dated(certificate: X509Certificate, { privateKey }: Keys): Promise<DatedPair> {
  const der = await webcrypto.subtle.exportKey('pkcs8', privateKey);
  return {
    certificate: certificate.toString('pem'),
    key: PemConverter.encode(der, 'PRIVATE KEY'),
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
  };
}

/** 127 random bits, positive. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString('hex');
}
