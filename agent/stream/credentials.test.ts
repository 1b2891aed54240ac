import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { staysHere } from './address.ts';
import { readCa, readToken, type StreamCredentials } from './credentials.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumbline-stream-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const remote = 'plumbline.example:8443';

function withToken(content: string | Buffer): StreamCredentials {
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, content);
  return { tokenFile, caFile: null, serverName: null };
}

/** The header, or why there is none. */
function header(address: string, credentials: StreamCredentials): unknown {
  const token = readToken(address, credentials);
  return token.ok ? token.value.get('authorization') : token.reason;
}

describe('the token', () => {
  it('is sent as a bearer token, and read anew each time', () => {
    const credentials = withToken('first.token\n');
    expect(header(remote, credentials)).toEqual(['Bearer first.token']);
    withToken('second.token');
    expect(header(remote, credentials)).toEqual(['Bearer second.token']);
  });

  it('is not sent over a unix socket, nor where there is none', () => {
    expect(header('unix:/run/plumbline/node-a.sock', withToken('token'))).toEqual([]);
    expect(header(remote, { tokenFile: null, caFile: null, serverName: null })).toEqual([]);
  });

  it('that cannot be read is a reason not to dial', () => {
    const tokenFile = join(folder, 'absent');
    expect(header(remote, { tokenFile, caFile: null, serverName: null })).toBe(
      `read ${tokenFile}: ENOENT: no such file or directory, open '${tokenFile}'`,
    );
  });

  it.each([
    ['empty', '\n'],
    ['two lines', 'one\ntwo'],
    ['of bytes', Buffer.from([0xff, 0x00, 0x41])],
    ['too long', 'x'.repeat(16 * 1024 + 1)],
  ])('that is %s is a reason not to dial, and is not shown', (_, content) => {
    const credentials = withToken(content);
    const bytes = Buffer.from(content).length;
    expect(header(remote, credentials)).toBe(`token file ${credentials.tokenFile}: holds no token (${bytes} bytes)`);
  });
});

describe('the CA file', () => {
  it('is of use for TLS only', () => {
    const caFile = join(folder, 'absent');
    expect(readCa('unix:/run/a.sock', { tokenFile: null, caFile, serverName: null })).toEqual({
      ok: true,
      value: null,
    });
    expect(readCa('127.0.0.1:8443', { tokenFile: null, caFile: null, serverName: null })).toEqual({
      ok: true,
      value: null,
    });
  });

  it('that holds no certificate is a reason not to dial', () => {
    const caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, 'nothing');
    expect(readCa(remote, { tokenFile: null, caFile, serverName: null })).toEqual({
      ok: false,
      reason: `CA file ${caFile}: holds no certificate in PEM form`,
    });
  });
});

describe('plain text', () => {
  it.each([
    ['unix:/run/plumbline/node-a.sock', true],
    ['127.0.0.1:8443', true],
    ['127.8.9.10:8443', true],
    ['[::1]:8443', true],
    ['localhost:8443', true],
    ['192.0.2.1:8443', false],
    ['[2001:db8::1]:8443', false],
    ['127.0.0.1.plumbline.example:8443', false],
    ['plumbline.example:8443', false],
  ])('to %s stays on this machine: %s', (address, stays) => {
    expect(staysHere(address)).toBe(stays);
  });
});
