import { describe, expect, it } from 'vitest';
import { address } from '../test/builders.ts';
import { lookupSetting } from './dns-setting.ts';

const unset = { lookups: undefined, externalName: undefined, upstreams: undefined };

describe('the settings of lookups', () => {
  it.each([
    ['nothing is said', {}, { externalName: null, upstreams: [] }],
    ['on', { lookups: 'on' }, { externalName: null, upstreams: [] }],
    ['off, whatever else', { lookups: 'off', externalName: 'example.com' }, null],
    ['a name', { externalName: 'Example.com.' }, { externalName: 'Example.com.', upstreams: [] }],
    [
      'servers',
      { upstreams: '10.0.0.2,,fd00::2' },
      { externalName: null, upstreams: [address('10.0.0.2'), address('fd00::2')] },
    ],
  ])('%s', (_, texts, setting) => {
    expect(lookupSetting({ ...unset, ...texts })).toEqual(setting);
  });

  it.each([
    [{ lookups: 'yes' }, '--dns-lookups yes: on or off is wanted'],
    [{ externalName: 'localhost' }, '--dns-external-name localhost: a name like example.com is wanted'],
    [{ externalName: 'a b.example' }, '--dns-external-name a b.example: a name like example.com is wanted'],
    [{ externalName: '-a.example' }, '--dns-external-name -a.example: a name like example.com is wanted'],
    [{ upstreams: '10.0.0.2,dns' }, '--dns-upstreams dns: an IP address is wanted'],
    [{ upstreams: '10.0.0.2:53' }, '--dns-upstreams 10.0.0.2:53: an IP address is wanted'],
    [{ upstreams: '10.0.0.1,'.repeat(9) }, '--dns-upstreams: 9 addresses, of 8 at most'],
    // What is wrong is said also where nothing would be asked.
    [{ lookups: 'off', upstreams: 'dns' }, '--dns-upstreams dns: an IP address is wanted'],
  ])('%j is wrong', (texts, wrong) => {
    expect(lookupSetting({ ...unset, ...texts })).toEqual({ wrong });
  });

  it('a name is no longer than DNS takes', () => {
    const name = `${`${'a'.repeat(49)}.`.repeat(5)}com`;
    expect(lookupSetting({ ...unset, externalName: name })).toEqual({ externalName: name, upstreams: [] });
    expect(lookupSetting({ ...unset, externalName: `x.${name}` })).toHaveProperty('wrong');
    expect(lookupSetting({ ...unset, externalName: `${'a'.repeat(64)}.com` })).toHaveProperty('wrong');
  });
});
