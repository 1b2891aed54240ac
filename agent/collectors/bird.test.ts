import { describe, expect, it } from 'vitest';
import type { BirdAnswer } from '../host-bird.ts';
import type { Host } from '../host.ts';
import { scriptedHost } from '../scripted-host.ts';
import { collectBird, readProtocols } from './bird.ts';

const now = () => new Date('2026-11-22T08:00:00Z');
const calico = '/var/run/calico/bird.ctl';
const calico6 = '/var/run/calico/bird6.ctl';

/** What BIRD 2.0.12 answered, its statistics left out. */
const answer = `2002-Name       Proto      Table      State  Since         Info
1002-static1    Static     master4    up     05:43:43.402
1006-  Channel ipv4
     State:          UP
     Table:          master4
     Routes:         1 imported, 0 exported, 1 preferred

1002-device1    Device     ---        up     05:43:43.402
1006-
1002-Mesh_10_99_0_2 BGP        ---        up     05:43:47.880  Established
1006-  Description:    Connection to BGP peer
   BGP state:          Established
     Neighbor address: 10.99.0.2
     Neighbor AS:      64512
     Neighbor capabilities
       Multiprotocol
         AF announced: ipv4
     Source address:   10.99.0.1
   Channel ipv4
     State:          UP
     Routes:         1 imported, 2 exported, 1 preferred
   Channel ipv6
     Routes:         3 imported, 0 filtered, 4 exported, 1 preferred
     BGP Next hop:   10.99.0.1

1002-Mesh_10_99_0_77 BGP        ---        start  05:43:43.402  Active        Socket: No route to host
1006-  BGP state:          Active
     Neighbor address: 10.99.0.77
     Connect delay:    1.534/5
     Last error:       Socket: No route to host
   Channel ipv4
     State:          DOWN

1002-Switched_off BGP        ---        down   05:46:00.458
1006-  Description:    Connection to BGP peer
   BGP state:          Down
     Neighbor address: fe80::1%eth0

1002-Given_up   BGP        ---        down   2026-11-22 05:46:00  BGP Error: Bad peer AS
1006-  BGP state:          Down
     Neighbor address: 10.99.0.9

0000
`;

const nothing = { daemon: 'bird', info: '', neighbour: null, imported: null, exported: null, lastError: null };
const session = { ...nothing, kind: 'BGP', state: 'up', info: 'Established' };

/** A host with daemons at these sockets. */
function hostWith(answers: Readonly<Record<string, string | BirdAnswer>>): Host {
  return {
    ...scriptedHost({}),
    askBird: async (path) => {
      const found = answers[path];
      if (found === undefined) return { ok: false, kind: 'absent', message: `${path} is not there` };
      return typeof found === 'string' ? { ok: true, text: found } : found;
    },
  };
}

describe("BIRD's protocols", () => {
  it('of BIRD 2 have the routes of all their channels', () => {
    expect(readProtocols('bird', answer)).toEqual([
      { ...nothing, name: 'static1', kind: 'Static', state: 'up', since: '05:43:43.402', imported: 1, exported: 0 },
      { ...nothing, name: 'device1', kind: 'Device', state: 'up', since: '05:43:43.402' },
      { ...session, name: 'Mesh_10_99_0_2', since: '05:43:47.880', neighbour: '10.99.0.2', imported: 4, exported: 6 },
      {
        ...session,
        name: 'Mesh_10_99_0_77',
        state: 'start',
        since: '05:43:43.402',
        info: 'Active',
        neighbour: '10.99.0.77',
        lastError: 'Socket: No route to host',
      },
      { ...session, name: 'Switched_off', state: 'down', since: '05:46:00.458', info: '', neighbour: 'fe80::1' },
      {
        ...session,
        name: 'Given_up',
        state: 'down',
        since: '2026-11-22 05:46:00',
        info: 'Down',
        neighbour: '10.99.0.9',
        lastError: 'BGP Error: Bad peer AS',
      },
    ]);
  });

  it('of BIRD 1.6, as birdc prints them', () => {
    const printed = `BIRD v0.3.3+birdv1.6.8 ready.
name     proto    table    state  since       info
kernel1  Kernel   master   up     2017-07-25
  Preference:     10
  Routes:         3 imported, 5 exported, 3 preferred
Mesh_10_39_0_105 BGP      master   up     2017-07-25  Established
  Description:    Connection to BGP peer
  Routes:         6 imported, 5 exported, 5 preferred
  BGP state:          Established
    Neighbor address: 10.39.0.105
    Neighbor caps:    refresh restart-aware AS4 add-path-rx add-path-tx
Mesh_10_39_0_108 BGP      master   start  05:12:01    Connect       Received: Connection collision resolution
  BGP state:          Connect
    Neighbor address: 10.39.0.108
    Last error:       Received: Connection collision resolution
`;
    expect(readProtocols('bird', printed)).toEqual([
      { ...nothing, name: 'kernel1', kind: 'Kernel', state: 'up', since: '2017-07-25', imported: 3, exported: 5 },
      {
        ...session,
        name: 'Mesh_10_39_0_105',
        since: '2017-07-25',
        neighbour: '10.39.0.105',
        imported: 6,
        exported: 5,
      },
      {
        ...session,
        name: 'Mesh_10_39_0_108',
        state: 'start',
        since: '05:12:01',
        info: 'Connect',
        neighbour: '10.39.0.108',
        lastError: 'Received: Connection collision resolution',
      },
    ]);
  });

  it.each([
    ['nothing', ''],
    ['garbage', '\u0000\u0001\n1002-\n1002-x\n1006-Routes: 1 imported\n0000 \n'],
    ['a page of the web', 'HTTP/1.1 400 Bad Request\r\n\r\n<html>'],
  ])('are none in %s', (_what, text) => {
    expect(readProtocols('bird', text)).toEqual([]);
  });

  it('with names, errors and counts that are endless are cut', () => {
    const long = 'x'.repeat(5000);
    const digits = '9'.repeat(40);
    const text = `1002-${long} BGP ${long} start ${digits} Idle ${long}\n1006-  Routes: ${digits} imported, 7 exported\n`;
    expect(readProtocols('bird', text)).toEqual([
      {
        ...session,
        name: 'x'.repeat(128),
        state: 'start',
        since: digits,
        info: 'Idle',
        exported: 7,
        lastError: 'x'.repeat(256),
      },
    ]);
  });
});

describe('the BIRDs of a node', () => {
  const device = '1002-device1    Device     ---        up     05:43:43.402\n0000 \n';

  it('are asked one after the other', async () => {
    const protocol = { ...nothing, name: 'device1', kind: 'Device', state: 'up', since: '05:43:43.402' };
    expect(await collectBird(hostWith({ [calico]: device, [calico6]: device }), now)).toEqual({
      state: 'ok',
      value: { protocols: { total: 2, first: [protocol, { ...protocol, daemon: 'bird6' }] } },
      collectedAt: '2026-11-22T08:00:00.000Z',
    });
  });

  it('are absent where there is none, and where a host shows no sockets', async () => {
    expect(await collectBird(hostWith({}), now)).toEqual({ state: 'absent' });
    expect(await collectBird(scriptedHost({}), now)).toEqual({ state: 'absent' });
  });

  it('are failed where one does not answer, or says nothing', async () => {
    const message = `BIRD at ${calico6}: no answer within 3000 ms`;
    const silent = { ok: false, kind: 'deadline', message } as const;
    expect(await collectBird(hostWith({ [calico]: device, [calico6]: silent }), now)).toEqual({
      state: 'failed',
      reason: message,
    });
    expect(await collectBird(hostWith({ [calico]: '0000 \n' }), now)).toEqual({
      state: 'failed',
      reason: `BIRD at ${calico} told of no protocol`,
    });
  });

  it('beyond 2,000 protocols are counted', async () => {
    const part = await collectBird(hostWith({ [calico]: device.repeat(2001) }), now);
    expect(part.state === 'ok' && [part.value.protocols.total, part.value.protocols.first.length]).toEqual([
      2001, 2000,
    ]);
  });
});
