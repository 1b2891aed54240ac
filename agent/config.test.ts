import { describe, expect, it } from 'vitest';
import { agentHelp, readConfig } from './config.ts';

function read(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  return readConfig({ args, environment, hostname: 'host-a' });
}

const socket = ['--aggregator', 'unix:/run/plumbline/node-a.sock'];

const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'];

describe("the agent's settings", () => {
  it('of a development agent on a unix socket are all defaults', () => {
    expect(read(socket)).toEqual({
      kind: 'run',
      config: {
        nodeName: 'host-a',
        addresses: ['unix:/run/plumbline/node-a.sock'],
        addressesFile: null,
        credentials: { tokenFile: null, caFile: null, serverName: null },
        pace: { minSeconds: 5, maxSeconds: 300, budget: 0.01 },
        dialSpreadSeconds: 30,
        probes: { port: 9469, ranges: privateRanges, serviceRanges: privateRanges },
        lookups: { externalName: null, upstreams: [] },
        hostProc: '/proc',
        criSocket: null,
        logLevel: 'info',
        recorded: null,
      },
    });
  });

  it('of an agent in a cluster come from the environment as well, arguments first', () => {
    const environment = {
      NODE_NAME: 'node-a',
      PLUMBLINE_AGGREGATOR: 'plumbline-agents:8443,[fd00::7]:8443',
      PLUMBLINE_ADDRESSES_FILE: '/etc/plumbline/addresses',
      PLUMBLINE_CA_FILE: '/etc/plumbline/ca.pem',
      PLUMBLINE_LOG_LEVEL: 'debug',
      PLUMBLINE_PROBES: 'none',
      PLUMBLINE_DNS_LOOKUPS: 'off',
      PLUMBLINE_HOST_PROC: '/host/proc/',
      PLUMBLINE_CRI_SOCKET: '/run/containerd/containerd.sock',
      PLUMBLINE_SERVER_NAME: '',
    };
    const args = [
      '--log-level',
      'warn',
      '--min-interval=10',
      '--dial-spread',
      '0',
      '--server-name',
      'plumbline.example',
    ];
    expect(read(args, environment)).toEqual({
      kind: 'run',
      config: {
        nodeName: 'node-a',
        addresses: ['plumbline-agents:8443', '[fd00::7]:8443'],
        addressesFile: '/etc/plumbline/addresses',
        credentials: {
          tokenFile: '/var/run/secrets/plumbline/token',
          caFile: '/etc/plumbline/ca.pem',
          serverName: 'plumbline.example',
        },
        pace: { minSeconds: 10, maxSeconds: 300, budget: 0.01 },
        dialSpreadSeconds: 0,
        probes: null,
        lookups: null,
        hostProc: '/host/proc',
        criSocket: '/run/containerd/containerd.sock',
        logLevel: 'warn',
        recorded: null,
      },
    });
  });

  it.each([
    ['no aggregator', [], '--aggregator is missing: where shall the agent report to?'],
    ['an unknown option', [...socket, '--every', '5'], "Unknown option '--every'"],
    ['an argument', [...socket, 'node-a'], "Unexpected argument 'node-a'"],
    ['an option without its value', ['--aggregator'], "Option '--aggregator <value>' argument missing"],
    [
      'an address without port',
      ['--aggregator', 'plumbline'],
      '--aggregator plumbline: HOST:PORT or unix:/PATH is wanted',
    ],
    [
      'a relative socket',
      ['--aggregator', 'unix:a.sock'],
      '--aggregator unix:a.sock: HOST:PORT or unix:/PATH is wanted',
    ],
    [
      'more addresses than the aggregator is told of',
      ['--aggregator', Array(17).fill('a:1').join(',')],
      '--aggregator: 17 addresses, of 16 at most',
    ],
    ['a port that cannot be', ['--aggregator', 'a:70000'], '--aggregator a:70000: HOST:PORT or unix:/PATH is wanted'],
    [
      'plain text to another machine',
      ['--aggregator', '127.0.0.1:8443,192.0.2.7:8443'],
      '--aggregator 192.0.2.7:8443 is not on this machine: it needs TLS, so give --ca-file',
    ],
    ['a server name in plain text', [...socket, '--server-name', 'a'], '--server-name is of no use without --ca-file'],
    [
      'a negative interval',
      [...socket, '--min-interval=-5'],
      '--min-interval -5: whole seconds from 1 to 3600 are wanted',
    ],
    [
      'an interval in words',
      [...socket, '--max-interval', '5m'],
      '--max-interval 5m: whole seconds from 1 to 3600 are wanted',
    ],
    [
      'intervals the wrong way round',
      [...socket, '--min-interval', '60', '--max-interval', '30'],
      '--max-interval 30 is less than --min-interval 60',
    ],
    [
      'a socket with more than its path',
      [...socket, '--cri-socket', 'unix:///run/containerd/containerd.sock'],
      '--cri-socket unix:///run/containerd/containerd.sock: the whole path of a socket is wanted',
    ],
    [
      'a /proc without its whole path',
      [...socket, '--host-proc', 'host/proc'],
      '--host-proc host/proc: the whole path of a folder is wanted',
    ],
    [
      'an unknown level',
      [...socket, '--log-level', 'loud'],
      '--log-level loud: one of debug, info, warn, error is wanted',
    ],
    [
      'a name that no Node has',
      [...socket, '--node-name', 'Node A'],
      '--node-name "Node A" is no name that a Node can have; give the one in the API',
    ],
  ])('with %s are refused', (_situation, args, message) => {
    expect(read(args)).toEqual({ kind: 'refused', message: expect.stringContaining(message) });
  });

  it('that are misspelt in the environment are refused', () => {
    const message = 'there is no setting PLUMBLINE_AGREGATOR; unset it, or see --help';
    expect(read(socket, { PLUMBLINE_AGREGATOR: 'a:1' })).toEqual({ kind: 'refused', message });
  });

  it("are not confused with what Kubernetes sets for Services of the program's name", () => {
    const environment = {
      PLUMBLINE_SERVICE_HOST: '10.96.0.7',
      PLUMBLINE_SERVICE_PORT_GRPC: '8443',
      PLUMBLINE_PORT: 'tcp://10.96.0.7:8443',
      PLUMBLINE_AGGREGATOR_PORT_8443_TCP_ADDR: '10.96.0.7',
      HOME: '/root',
    };
    expect(read(socket, environment).kind).toBe('run');
  });

  it('are left alone when only help or the version is asked for', () => {
    expect([read(['--help']), read(['-V'])]).toEqual([{ kind: 'help' }, { kind: 'version' }]);
  });
});

describe('the help', () => {
  it('names every option that is taken', () => {
    const named = [...agentHelp.matchAll(/^ {2}(--[a-z-]+) [A-Za-z]/gm)].map(([, option = '']) => option);
    expect(named).toHaveLength(20);
    // `--x` alone is refused for its missing value, not as unknown.
    for (const option of named)
      expect(read([option])).toMatchObject({ message: expect.stringContaining('argument missing') });
  });
});
