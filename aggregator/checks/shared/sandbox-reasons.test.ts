import { describe, expect, it } from 'vitest';
import { reasonKey, reasonText, sandboxReason } from './sandbox-reasons.ts';

const id = 'ece2c5fa55782dd2b5dacbef8beba66c22e248be3f48409434987dbe46b04cac';
const other = id.replaceAll('e', 'f');
const failed = (words: string, sandbox = id) =>
  `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "${sandbox}": ${words}`;

describe('why a sandbox could not be made', () => {
  it.each([
    [
      'plugin type="portmap" failed (add): failed to find plugin "portmap" in path [/opt/cni/bin /usr/lib/cni]',
      'the CNI plugin portmap has no executable in /opt/cni/bin, /usr/lib/cni',
    ],
    ['cni plugin not initialized', 'the runtime has loaded no CNI configuration'],
    [
      'plugin type="bridge" failed (add): failed to allocate for range 0: no IP addresses available in range set: 10.244.1.1-10.244.1.254',
      'no address is left in 10.244.1.1-10.244.1.254',
    ],
    [
      'plugin type="calico" failed (add): error adding host side routes for interface: cali1, error: route (Ifindex: 9, Dst: 10.0.0.5/32, Scope: 253) already exists for an interface other than \'cali1\'',
      "a route or address of an earlier pod is in the way: route (Ifindex: 9, Dst: 10.0.0.5/32, Scope: 253) already exists for an interface other than 'cali1",
    ],
    [
      'plugin type="calico" failed (add): Get "https://10.96.0.1:443/api/v1/nodes/node-a": dial tcp 10.96.0.1:443: i/o timeout',
      'the CNI plugin does not reach the API server: 10.96.0.1:443: dial tcp 10.96.0.1:443: i/o timeout',
    ],
  ])('%s', (words, told) => {
    expect(reasonText(sandboxReason(failed(words)))).toBe(told);
  });

  it('that is not known is told by the last words, the same for every attempt', () => {
    const of = (sandbox: string) =>
      sandboxReason(failed(`plugin type="odd" failed (add): no luck with ${sandbox}`, sandbox));
    expect(of(id)).toEqual({ kind: 'other', text: 'no luck with ...' });
    expect(reasonKey(of(other))).toBe(reasonKey(of(id)));
  });

  it('is read at once out of hostile words', () => {
    const began = performance.now();
    for (const piece of ['route (', 'Get "https://', 'failed to find plugin "', 'desc = ', '"', ' ']) {
      sandboxReason(piece.repeat(100_000));
    }
    expect(performance.now() - began).toBeLessThan(200);
  });
});
