import { describe, expect, it } from 'vitest';
import { probeSetting } from './probe-setting.ts';

const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'];
const unset = { probes: undefined, port: undefined, ranges: undefined };

describe('the settings of probes', () => {
  it('are private address space at port 9469 unless said otherwise', () => {
    expect(probeSetting(unset)).toEqual({
      port: 9469,
      ranges: privateRanges,
      serviceRanges: privateRanges,
    });
    expect(probeSetting({ probes: 'all', port: '9000', ranges: '203.0.113.0/24,2001:db8::/32' })).toEqual({
      port: 9000,
      ranges: ['203.0.113.0/24', '2001:db8::/32'],
      serviceRanges: ['203.0.113.0/24', '2001:db8::/32'],
    });
    expect(probeSetting({ ...unset, serviceRanges: '10.96.0.0/16' })).toMatchObject({
      ranges: privateRanges,
      serviceRanges: ['10.96.0.0/16'],
    });
  });

  it('turn probes off', () => {
    expect(probeSetting({ ...unset, probes: 'none' })).toBeNull();
  });

  it.each([
    [{ probes: 'some' }, '--probes some: all or none is wanted'],
    [{ port: '0' }, '--probe-port 0: a port from 1 to 65535 is wanted'],
    [{ port: '65536' }, '--probe-port 65536: a port from 1 to 65535 is wanted'],
    [{ port: '1e3' }, '--probe-port 1e3: a port from 1 to 65535 is wanted'],
    [{ serviceRanges: 'services' }, '--probe-service-ranges services: a prefix is wanted, as 10.0.0.0/8'],
    [{ ranges: 'pods' }, '--probe-ranges pods: a prefix is wanted, as 10.0.0.0/8'],
    [{ ranges: '10.0.0.0/33' }, '--probe-ranges 10.0.0.0/33: a prefix is wanted, as 10.0.0.0/8'],
    [{ ranges: '10.1.0.0/8' }, '--probe-ranges 10.1.0.0/8: a prefix is wanted, and that would be 10.0.0.0/8'],
    [{ ranges: '10.0.0.1' }, '--probe-ranges 10.0.0.1: a prefix is wanted, and that would be 10.0.0.1/32'],
    [{ ranges: Array(65).fill('10.0.0.0/8').join(',') }, '--probe-ranges: 65 prefixes, of 64 at most'],
  ])('%j cannot be', (texts, wrong) => {
    expect(probeSetting({ ...unset, ...texts })).toEqual({ wrong });
  });

  it('are held to their form where probes are off, too', () => {
    expect(probeSetting({ probes: 'none', port: 'x', ranges: undefined })).toEqual({
      wrong: '--probe-port x: a port from 1 to 65535 is wanted',
    });
  });
});
