import { describe, expect, it } from 'vitest';
import type { Command, RunResult } from '../host.ts';
import { scriptedHost } from '../scripted-host.ts';
import { listTables } from './nft-listings.ts';

const ipv4 = 'table ip kube-proxy {\n}\n';
const ipv6 = 'table ip6 kube-proxy {\n}\n';

/** A host on which every program ends like that, having printed a table. */
function hostThatEnds(result: RunResult, commands: Command[] = []) {
  return {
    ...scriptedHost({}),
    run: async (command: Command, onOutput: (piece: Uint8Array) => void) => {
      commands.push(command);
      onOutput(Buffer.from(ipv4));
      return result;
    },
  };
}

type Failure = Extract<RunResult, { readonly ok: false }>;

async function reasonAfter(kind: Failure['kind'], message: string): Promise<string> {
  const listed = await listTables(hostThatEnds({ ok: false, kind, message }), ['ipv4']);
  return listed.ok ? 'listed' : listed.reason;
}

describe("kube-proxy's tables", () => {
  it('are listed by themselves, one after the other', async () => {
    const runs = { 'nft -s list table ip kube-proxy': ipv4, 'nft -s list table ip6 kube-proxy': ipv6 };
    const log: string[] = [];
    const listed = await listTables(scriptedHost({ runs }, log), ['ipv4', 'ipv6']);
    expect(log).toEqual(Object.keys(runs));
    const texts = listed.ok ? listed.tables.map(({ family, text }) => [family, Buffer.from(text).toString()]) : [];
    expect(texts).toEqual([
      ['ipv4', ipv4],
      ['ipv6', ipv6],
    ]);
  });

  it('are listed within limits of time, output and memory', async () => {
    const commands: Command[] = [];
    await listTables(hostThatEnds({ ok: true, stderr: '', bytes: ipv4.length }, commands), ['ipv4']);
    expect(commands).toEqual([
      {
        program: 'nft',
        args: ['-s', 'list', 'table', 'ip', 'kube-proxy'],
        deadlineMs: 30_000,
        maxBytes: 256 * 2 ** 20,
        maxMemoryBytes: 512 * 2 ** 20,
      },
    ]);
  });

  it('are not taken for whole when one family fails', async () => {
    const runs = { 'nft -s list table ip kube-proxy': ipv4 };
    expect(await listTables(scriptedHost({ runs }), ['ipv4', 'ipv6'])).toEqual({
      ok: false,
      reason: 'nft -s list table ip6 kube-proxy: nft is not installed; install nftables 1.0.1 or newer',
    });
  });

  it('are not taken for whole when nft could not print a rule, and ended well', async () => {
    const stderr = "# Warning: of something else\nnetlink: Error: Unknown set 'service-ips' in lookup expression\n";
    expect(await listTables(hostThatEnds({ ok: true, stderr, bytes: ipv4.length }), ['ipv4'])).toEqual({
      ok: false,
      reason:
        "nft -s list table ip kube-proxy: it could not print every rule (netlink: Error: Unknown set 'service-ips' in " +
        "lookup expression); an nft as new as the kernel and kube-proxy's nft may",
    });
  });

  it('that are too many for nft say so, however it is told', async () => {
    const messages = [
      ['deadline', 'nft did not end within 30000 ms'],
      ['too-long', 'nft printed more than 268435456 bytes'],
      ['too-large', 'nft took more than 512 MiB of memory'],
    ] as const;
    const reasons = await Promise.all(messages.map(([kind, message]) => reasonAfter(kind, message)));
    expect(reasons).toEqual(
      messages.map(
        ([, message]) =>
          `nft -s list table ip kube-proxy: too many rules: ${message}; run it by hand to see what it takes`,
      ),
    );
  });

  it('that nft refuses to show say what nft said', async () => {
    expect(await reasonAfter('not-permitted', 'nft ended with code 1: Operation not permitted')).toBe(
      'nft -s list table ip kube-proxy: nft ended with code 1: Operation not permitted',
    );
    expect(await reasonAfter('failed', 'nft ended with code 1: Error: No such file or directory')).toBe(
      'nft -s list table ip kube-proxy: nft ended with code 1: Error: No such file or directory; run it by hand on the ' +
        'node to see the whole message',
    );
  });
});
