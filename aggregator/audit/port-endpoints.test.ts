import { describe, expect, it } from 'vitest';
import { slice } from '../../test/builders.ts';
import { endpointsOfPort } from './port-endpoints.ts';

const web = { name: 'http', protocol: 'tcp' } as const;
const draining = slice('shop/web').port(8080, 'http').terminating('10.244.1.2').built;
const told = (...slices: Parameters<typeof endpointsOfPort>[0]) =>
  endpointsOfPort(slices, web).map(({ address, port }) => `${address}:${port}`);

describe('the endpoints of a port', () => {
  it('are the ready ones, of whatever slice, and those that end only where none is ready', () => {
    const ready = slice('shop/web').port(8080, 'http').ready('10.244.2.2').built;
    expect(told(draining, ready)).toEqual(['10.244.2.2:8080']);
    expect(told(draining)).toEqual(['10.244.1.2:8080']);
  });

  it('are told by family: one that has none ready keeps those that end', () => {
    const ready = slice('shop/web').port(8080, 'http').ready('fd00::2').built;
    expect(told(draining, ready)).toEqual(['10.244.1.2:8080', 'fd00::2:8080']);
  });

  it('are those of this port alone, each once', () => {
    const other = slice('shop/web').port(9100, 'metrics').ready('10.244.2.2').built;
    const twice = slice('shop/web').port(8080, 'http').ready('10.244.2.2').built;
    expect(told(other, twice, twice)).toEqual(['10.244.2.2:8080']);
  });
});
