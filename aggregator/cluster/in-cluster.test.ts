import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { emptyFolder } from '../../test/listening-api.ts';
import { inClusterAccess } from './in-cluster.ts';

function serviceAccount() {
  const folder = emptyFolder();
  const write = (token: string): void => writeFileSync(join(folder, 'token'), `${token}\n`);
  writeFileSync(join(folder, 'ca.crt'), 'the authority');
  write('first');
  let ms = 0;
  const access = inClusterAccess({ host: 'fd00:10:96::1', port: '443', folder }, () => ms);
  return { access, write, folder, pass: (seconds: number) => (ms += seconds * 1000) };
}

it('a service account lets in with its token, and trusts its authority', async () => {
  const { access } = serviceAccount();
  expect(access.server).toBe('https://[fd00:10:96::1]:443');
  expect(await access.current()).toEqual({
    ok: true,
    headers: { authorization: 'Bearer first' },
    tls: { ca: 'the authority' },
    proxy: null,
  });
});

it('a token that was replaced is taken up within a minute, or when the server refuses the old one', async () => {
  const { access, write, pass } = serviceAccount();
  const token = async () => {
    const credentials = await access.current();
    return credentials.ok ? credentials.headers.authorization : credentials.message;
  };
  await token();
  write('second');
  pass(59);
  expect(await token()).toBe('Bearer first');
  pass(1);
  expect(await token()).toBe('Bearer second');
  write('third');
  access.renew();
  expect(await token()).toBe('Bearer third');
});

it('a service account that cannot be read is said with its place', async () => {
  const { access, folder } = serviceAccount();
  unlinkSync(join(folder, 'token'));
  expect(await access.current()).toEqual({
    ok: false,
    message: `the service account in ${folder} cannot be read: ENOENT: no such file or directory, open '${folder}/token'`,
  });
});
