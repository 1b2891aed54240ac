import { describe, expect, it } from 'vitest';
import { FlowListing } from './conntrack-listing.ts';

/** As conntrack 1.4.7 prints them with `-o extended`. */
const unanswered =
  'ipv4     2 udp      17 29 src=10.244.1.2 dst=10.96.0.10 sport=41000 dport=53 [UNREPLIED] src=10.244.2.7 dst=10.244.1.2 sport=5353 dport=41000 mark=0 use=1';
const answered =
  'ipv4     2 udp      17 170 src=10.244.1.2 dst=10.96.0.10 sport=41001 dport=53 src=10.244.2.7 dst=10.244.1.2 sport=5353 dport=41001 [ASSURED] mark=0 use=1';

const toDns = {
  ports: new Set([53]),
  wants: (destination: string) => ['10.96.0.10', 'fd00:10:96::a'].includes(destination),
};

function count(text: string, pieceLength = text.length) {
  const listing = new FlowListing(toDns);
  for (let at = 0; at < text.length; at += pieceLength) listing.push(Buffer.from(text.slice(at, at + pieceLength)));
  return listing.end();
}

function lines(...all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}

const dns = {
  family: 'ipv4',
  destination: '10.96.0.10',
  port: 53,
  backend: '10.244.2.7',
  backendPort: 5353,
} as const;

describe('a listing of connections', () => {
  it('is one count for all flows with the same ends, however it comes in pieces', () => {
    const text = lines(unanswered, answered, answered.replaceAll('41001', '41002'));
    const expected = { ok: true, flows: [{ ...dns, flows: 3, unreplied: 1 }] };
    expect(count(text)).toEqual(expected);
    expect(count(text, 7)).toEqual(expected);
  });

  it.each([
    ['counts of packets', answered.replace(' src=10.244.2.7', ' packets=2 bytes=120 src=10.244.2.7')],
    ['an offloaded flow, which has no time', answered.replace(' 170 ', ' ').replace('[ASSURED]', '[OFFLOAD]')],
    ['labels and ids', `${answered} id=3735928559 labels=1 delta-time=12`],
    ['the form of /proc/net/nf_conntrack', answered.replace('mark=0 use=1', 'mark=0 zone=0 use=2')],
  ])('takes %s', (_, line) => {
    expect(count(lines(line))).toEqual({ ok: true, flows: [{ ...dns, flows: 1, unreplied: 0 }] });
  });

  it('has the addresses of IPv6 in one form, as conntrack and as /proc print them', () => {
    const short =
      'ipv6     10 udp      17 29 src=fd00:10:244:1::2 dst=fd00:10:96::a sport=41000 dport=53 src=fd00:10:244:2::7 dst=fd00:10:244:1::2 sport=53 dport=41000 [ASSURED] mark=0 use=1';
    const long =
      'ipv6     10 udp      17 28 src=fd00:0010:0244:0001:0000:0000:0000:0002 dst=fd00:0010:0096:0000:0000:0000:0000:000a sport=41001 dport=53 src=fd00:0010:0244:0002:0000:0000:0000:0007 dst=fd00:0010:0244:0001:0000:0000:0000:0002 sport=53 dport=41001 [ASSURED] mark=0 zone=0 use=2';
    expect(count(lines(short, long))).toEqual({
      ok: true,
      flows: [
        {
          family: 'ipv6',
          destination: 'fd00:10:96::a',
          port: 53,
          backend: 'fd00:10:244:2::7',
          backendPort: 53,
          flows: 2,
          unreplied: 0,
        },
      ],
    });
  });

  it.each([
    ['to other destinations', answered.replace('dst=10.96.0.10', 'dst=192.0.2.53')],
    ['to other ports', answered.replace('dport=53 ', 'dport=54 ')],
    ['in a zone of somebody else', answered.replace('use=1', 'zone=7 use=1')],
    [
      'of TCP',
      'ipv4     2 tcp      6 431989 ESTABLISHED src=10.244.1.2 dst=10.96.0.10 sport=41000 dport=53 src=10.244.2.7 dst=10.244.1.2 sport=53 dport=41000 [ASSURED] mark=0 use=1',
    ],
    [
      'without ports',
      'ipv4     2 unknown  2 452 src=10.244.1.1 dst=224.0.0.22 [UNREPLIED] src=224.0.0.22 dst=10.244.1.1 mark=0 use=1',
    ],
  ])('passes over flows %s', (_, line) => {
    expect(count(lines(line))).toEqual({ ok: true, flows: [] });
  });

  it.each([
    ['is cut in the middle of a line', lines(answered) + answered.slice(0, 90), 'line 2 is cut off'],
    ['is cut before its last newline', answered, 'line 1 is cut off'],
    ['holds something else', lines(answered, 'conntrack: error'), 'line 2 is no flow: conntrack: error'],
    ['holds a damaged flow', lines(answered.replace('sport=41001', 'sport=x')), /^line 1 is no flow: ipv4 +2 udp/],
    ['holds no addresses', lines(answered.replace('dst=10.96.0.10', 'dst=10.96.0.310')), /^line 1 has no addresses: /],
    ['never ends a line', 'ipv4'.repeat(2000), 'line 1 is longer than 4096 bytes'],
    [
      'has more ends than there can be',
      Array.from(
        { length: 20_001 },
        (_, i) => `${answered.replace('src=10.244.2.7', `src=10.${i >> 8}.${i & 255}.1`)}\n`,
      ).join(''),
      'line 20001 is of more than 20000 different flows',
    ],
  ])('that %s is a failure with its place', (_, text, message) => {
    const counted = count(text);
    expect(counted).toEqual({
      ok: false,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
  });
});
