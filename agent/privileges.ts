/**
 * What reading a node takes, and what of it this process has, by its own /proc/self/status (proc_pid_status(5)):
 *
 *     Uid:    0       0       0       0
 *     CapEff: 0000000000001000
 *
 * A program that is started here gets no more, so this tells why it was refused. Which program needs what is written in
 * docs/permissions.md.
 */

/** The chart gives these and no others; bits as in capability.h. */
const capabilities = [
  { name: 'NET_ADMIN', bit: 12n },
  { name: 'NET_RAW', bit: 13n },
] as const;

const wanted = 'reading a node takes user 0 with the capabilities NET_ADMIN and NET_RAW';

/**
 * What a refused reading says: `not permitted: `, what was refused, and what to do about it.
 * @param refused a program's or a file's message.
 * @param status the text of /proc/self/status.
 */
export function notPermitted(refused: string, status: string): string {
  return `not permitted: ${refused}; ${adviceFor(status)}`;
}

function adviceFor(status: string): string {
  // Effective, that is: the second of four.
  const user = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1];
  const mask = /^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1];
  if (user === undefined || mask === undefined) return wanted;
  const effective = BigInt(`0x${mask}`);
  const lacking = capabilities.filter(({ bit }) => (effective & (1n << bit)) === 0n).map(({ name }) => name);
  const found = [...(user === '0' ? [] : [`it is user ${user}`]), ...lacking.map((name) => `${name} is lacking`)];
  return found.length > 0
    ? `${wanted}: ${found.join(', ')}`
    : `${wanted}, and has them: look for a seccomp, AppArmor or SELinux profile or a user namespace in the way`;
}
