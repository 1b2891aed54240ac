import { describe, expect, it } from 'vitest';
import { NftListing } from './nft-listing.ts';

const clients = `		elements = { 10.244.3.2 expires 8m25s280ms, 10.244.3.4 expires 9m,
			     10.244.3.9 expires 2m1s }
`;

/** A table with session affinity, and these clients in its set. */
function tableWith(remembered: string): string {
  return `table ip kube-proxy {
	set affinity-IKJUARF5-shop/cart/tcp/redis__10.244.2.4/6379 {
		type ipv4_addr
		size 65535
		flags dynamic,timeout
		timeout 10m
${remembered}	}

	map service-ips {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 10.96.0.1 . tcp . 443 : goto service-2QRHZV4L-default/kubernetes/tcp/https,
			     10.96.31.181 . tcp . 6379 : goto service-AUXDKDCM-shop/cart/tcp/redis }
	}

	set cluster-ips {
		type ipv4_addr
		elements = { 10.96.0.1, 10.96.31.181 }
	}

	chain services {
		ip daddr . meta l4proto . th dport vmap @service-ips
	}
}
`;
}

/** Reads it in pieces of so many bytes. */
function listed(printed: string, pieceBytes = Number.POSITIVE_INFINITY) {
  const listing = new NftListing();
  const bytes = Buffer.from(printed);
  // Whoever runs programs may use the same buffer again.
  const reused = Buffer.alloc(Math.min(pieceBytes, bytes.length));
  for (let from = 0; from < bytes.length; from += reused.length) {
    const length = bytes.copy(reused, 0, from);
    listing.push(reused.subarray(0, length));
  }
  const { text, digest } = listing.finish();
  return { text: Buffer.from(text).toString(), digest };
}

describe('a listing of nft', () => {
  it('is kept whole, but for the clients that affinity remembers', () => {
    expect(listed(tableWith(clients)).text).toBe(tableWith(''));
  });

  it('is the same in whatever pieces it comes', () => {
    const whole = listed(tableWith(clients));
    expect([1, 2, 7, 100].map((pieceBytes) => listed(tableWith(clients), pieceBytes))).toEqual([
      whole,
      whole,
      whole,
      whole,
    ]);
  });

  it('has the same digest whoever connects, and another when the rules change', () => {
    const { digest } = listed(tableWith(clients));
    const other = tableWith('\t\telements = { 10.244.1.1 expires 1s }\n');
    expect(listed(other).digest).toBe(digest);
    expect(listed(tableWith(clients).replace('10.96.31.181 }', '10.96.31.182 }')).digest).not.toBe(digest);
  });

  it('keeps what is listed in a set that packets do not fill, and in every map', () => {
    const timed = tableWith(clients).replace('flags dynamic,timeout', 'flags timeout');
    const ofMap = tableWith(clients).replace('\tset affinity-', '\tmap affinity-');
    expect([listed(timed).text, listed(ofMap).text]).toEqual([timed, ofMap]);
  });

  it('that was cut off stays cut off', () => {
    const cut = tableWith(clients).slice(0, tableWith(clients).indexOf('10.244.3.9'));
    expect(listed(cut).text.endsWith('\t\ttimeout 10m\n\t\t\t     ')).toBe(true);
    expect(listed(tableWith(clients).slice(0, -2)).text).toBe(tableWith('').slice(0, -2));
  });
});
