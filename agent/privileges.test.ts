import { describe, expect, it } from 'vitest';
import { notPermitted } from './privileges.ts';

function told(user: number, capabilities: string): string {
  return notPermitted('nft said no', `Name:\tnode\nUid:\t0\t${user}\t0\t0\nCapEff:\t${capabilities}\nSeccomp:\t2\n`);
}

const wanted = 'not permitted: nft said no; reading a node takes user 0 with the capabilities NET_ADMIN and NET_RAW';

describe('a refusal names what is lacking', () => {
  it.each([
    ['one capability', 0, '0000000000001000', ': NET_RAW is lacking'],
    ['the other', 0, '000001fffeffefff', ': NET_ADMIN is lacking'],
    ['both', 0, '0000000000000000', ': NET_ADMIN is lacking, NET_RAW is lacking'],
    ['the user', 65534, '0000000000003000', ': it is user 65534'],
    ['all', 1000, '0000000000000000', ': it is user 1000, NET_ADMIN is lacking, NET_RAW is lacking'],
    [
      'nothing',
      0,
      '0000000000003000',
      ', and has them: look for a seccomp, AppArmor or SELinux profile or a user namespace in the way',
    ],
  ])('%s', (_, user, capabilities, advice) => {
    expect(told(user, capabilities)).toBe(wanted + advice);
  });

  it('or only what it takes, where the process cannot tell', () => {
    expect(notPermitted('nft said no', '')).toBe(wanted);
  });
});
