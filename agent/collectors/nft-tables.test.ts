import { describe, expect, it } from 'vitest';
import { scriptedHost } from '../scripted-host.ts';
import { collectNftTables, hasKubeProxyTable, iptablesTables, kubeProxyFamilies } from './nft-tables.ts';

/** What `nft list flowtables` prints, here with the flow table of nft's own tests. */
const printed = `table ip nat {
}
table inet firewall {
	flowtable fast {
		hook ingress priority filter
		devices = { eth0 }
	}
}
table ip6 kube-proxy {
}
table inet kube-proxy {
}
`;

describe('the tables of nf_tables', () => {
  it('are all named, whatever is in them', async () => {
    const found = await collectNftTables(scriptedHost({ runs: { 'nft list flowtables': printed } }));
    expect(found).toEqual({
      state: 'ok',
      tables: [
        { family: 'ip', name: 'nat' },
        { family: 'inet', name: 'firewall' },
        { family: 'ip6', name: 'kube-proxy' },
        { family: 'inet', name: 'kube-proxy' },
      ],
    });
    expect([iptablesTables(found, 'ipv4'), iptablesTables(found, 'ipv6')]).toEqual([['nat'], []]);
    // A table of that name in another family is not kube-proxy's.
    expect([kubeProxyFamilies(found), hasKubeProxyTable(found)]).toEqual([['ipv6'], true]);
  });

  it('are none where there are none, and not known where nft fails or is not installed', async () => {
    const message = 'nft ended with code 1: Operation not permitted';
    const failure = { ok: false, kind: 'not-permitted', message } as const;
    const found = [
      await collectNftTables(scriptedHost({ runs: { 'nft list flowtables': '' } })),
      await collectNftTables(scriptedHost({ runs: { 'nft list flowtables': failure } })),
      await collectNftTables(scriptedHost({})),
    ];
    expect(found).toEqual([{ state: 'ok', tables: [] }, { state: 'failed', reason: message }, { state: 'absent' }]);
    expect(found.map(hasKubeProxyTable)).toEqual([false, false, false]);
  });
});
