import { describe, expect, it } from 'vitest';
import { withoutSecretLines, withoutTokens } from './secrets.ts';

describe('a configuration in a snapshot', () => {
  it.each([
    'dsn db_reader:hunter2@tcp(127.0.0.1:3306)/coredns',
    'mysql db_reader:hunter2@tcp(127.0.0.1:3306)/coredns',
    'pwd hunter2',
    'pass hunter2',
    'credentials root hunter2',
    'endpoint https://root:hunter2@etcd.example',
  ])('has no line such as %s', (line) => {
    expect(withoutSecretLines(`a {\n    ${line}\n}`)).toBe('a {\n    (left out)\n}');
  });

  it('has all the others', () => {
    const corefile = '.:53 {\n    errors\n    forward . 192.0.2.1:53\n    cache 30\n}';
    expect(withoutSecretLines(corefile)).toBe(corefile);
  });
});

describe('a message in a snapshot', () => {
  it.each([
    ['pull failed: password=hunter2, again', 'pull failed: password=(left out), again'],
    ['{"auth":"dXNlcjpodW50ZXIy"}', '{"auth":"(left out)"}'],
    ['Bearer abcdefghijkl', 'Bearer (left out)'],
    ['failed to set up sandbox: no IP addresses', 'failed to set up sandbox: no IP addresses'],
  ])('%s is told as %s', (given, told) => {
    expect(withoutTokens(given)).toBe(told);
  });
});
