/** The aggregator's settings. */
import { describe, expect, it } from 'vitest';
import { type AggregatorConfig, readConfig } from './config.ts';

const socket = ['--agent-socket', 'node-a=/run/a.sock'];

/** The settings that these arguments and variables come to; throws when they are refused. */
function config(args: readonly string[], environment: Record<string, string> = {}): AggregatorConfig {
  const outcome = readConfig(args, environment);
  if (outcome.kind !== 'run') throw new Error(JSON.stringify(outcome));
  return outcome.config;
}

/** Why they are refused; null when they are not. */
function refusal(args: readonly string[], environment: Record<string, string> = {}): string | null {
  const outcome = readConfig(args, environment);
  return outcome.kind === 'refused' ? outcome.message : null;
}

describe('the settings', () => {
  it('have defaults for all but where agents come in', () => {
    expect(config(socket)).toEqual({
      agents: null,
      agentSockets: [{ node: 'node-a', path: '/run/a.sock' }],
      http: { host: '127.0.0.1', port: 8080 },
      https: null,
      auth: { mode: 'kubernetes', audience: 'plumbline-http' },
      dataDir: 'plumbline-data',
      kubeconfig: null,
      context: null,
      identity: {
        audience: 'plumbline',
        namespace: 'plumbline',
        serviceAccount: 'plumbline-agent',
        daemonSet: 'plumbline-agent',
      },
      probes: 'all',
      logLevel: 'info',
    });
  });

  it('come from arguments before variables, and an empty variable says nothing', () => {
    const environment = {
      PLUMBLINE_AGENT_SOCKET: 'node-a=/run/a.sock,node-b=/run/b.sock',
      PLUMBLINE_DATA_DIR: '/data',
      PLUMBLINE_LOG_LEVEL: '',
      PLUMBLINE_LISTEN_HTTP: '[::1]:9000',
    };
    expect(config(['--data-dir', '/mine'], environment)).toMatchObject({
      agentSockets: [
        { node: 'node-a', path: '/run/a.sock' },
        { node: 'node-b', path: '/run/b.sock' },
      ],
      dataDir: '/mine',
      logLevel: 'info',
      http: { host: '::1', port: 9000 },
    });
  });

  it('take TLS with both of its files', () => {
    const tls = ['--listen-grpc', '0.0.0.0:8443', '--tls-cert-file', 'tls.crt', '--tls-key-file', 'tls.key'];
    const certificate = { kind: 'files', certFile: 'tls.crt', keyFile: 'tls.key' };
    expect(config(tls).agents).toEqual({ host: '0.0.0.0', port: 8443, certificate });
  });

  it('take certificates that the aggregator makes', () => {
    const made = [
      '--tls-secret',
      'mon/tls',
      '--tls-config-map',
      'agents/ca',
      '--tls-name',
      'a.mon.svc',
      '--tls-name',
      'b',
    ];
    expect(
      config(['--listen-grpc', '[::]:8443', ...made, '--advertise', '[fd00::7]:8443']).agents?.certificate,
    ).toEqual({
      kind: 'made',
      secret: { namespace: 'mon', name: 'tls' },
      configMap: { namespace: 'agents', name: 'ca' },
      names: ['a.mon.svc', 'b'],
      advertise: '[fd00::7]:8443',
    });
  });

  it('take HTTPS beside, with an audience of its own', () => {
    const tls = ['--listen-grpc', '[::]:8443', '--tls-cert-file', 'tls.crt', '--tls-key-file', 'tls.key'];
    expect(config([...tls, '--listen-https', '[::]:8444', '--http-audience', 'people'])).toMatchObject({
      http: { host: '127.0.0.1', port: 8080 },
      https: { host: '::', port: 8444 },
      auth: { mode: 'kubernetes', audience: 'people' },
    });
    expect(config([...socket, '--auth', 'none']).auth).toEqual({ mode: 'none' });
  });

  it("leave the variables alone that Kubernetes makes of a Service's name, and those of other programs", () => {
    const environment = { PLUMBLINE_AGGREGATOR_SERVICE_HOST: '10.96.0.9', PLUMBLINE_SERVER: 'http://127.0.0.1:8080' };
    expect(refusal(socket, environment)).toBeNull();
  });
});

describe('a start is refused', () => {
  it.each([
    [[], 'agents could not connect: give --listen-grpc with a certificate, or --agent-socket'],
    [
      ['--listen-grpc', '0.0.0.0:8443'],
      '--listen-grpc needs a certificate, since agents send tokens over it: --tls-cert-file and --tls-key-file, or --tls-secret, --tls-config-map and --tls-name',
    ],
    [[...socket, '--tls-cert-file', 'a', '--tls-key-file', 'b'], 'a certificate is of no use without --listen-grpc'],
    [[...socket, '--tls-cert-file', 'a'], '--tls-cert-file and --tls-key-file belong together'],
    [[...socket, '--tls-name', 'a'], '--tls-secret, --tls-config-map and --tls-name belong together'],
    [
      ['--tls-secret', 'tls', '--tls-config-map', 'a/ca', '--tls-name', 'a'],
      '--tls-secret tls: NAMESPACE/NAME is wanted',
    ],
    [
      ['--tls-secret', 'a/tls', '--tls-config-map', 'a/ca', '--tls-name', 'a', '--advertise', '10.0.0.7'],
      '--advertise 10.0.0.7: HOST:PORT is wanted, such as 10.244.1.7:8443 or [fd00::7]:8443',
    ],
    [
      ['--tls-secret', 'a/tls', '--tls-cert-file', 'a'],
      'give --tls-cert-file and --tls-key-file, or --tls-secret and its kin, not both',
    ],
    [
      [...socket, '--listen-http', '0.0.0.0:8080'],
      '--listen-http 0.0.0.0 is not a loopback address, and tokens would travel in the clear: use --listen-https',
    ],
    [[...socket, '--listen-https', '[::]:8444'], '--listen-https needs --listen-grpc: it shows the same certificate'],
    [
      [
        '--listen-grpc',
        '[::]:8443',
        '--tls-cert-file',
        'a',
        '--tls-key-file',
        'b',
        '--listen-https',
        '[::]:8444',
        '--auth',
        'none',
      ],
      '--auth none is for --listen-http alone: anybody could read what --listen-https shows',
    ],
    [[...socket, '--auth', 'off'], '--auth off: one of kubernetes, none is wanted'],
    [
      [...socket, '--http-audience', 'plumbline'],
      '--http-audience plumbline is that of agents, whose tokens must open nothing here',
    ],
    [[...socket, '--listen-http', '8080'], '--listen-http 8080: HOST:PORT is wanted'],
    [['--agent-socket', 'node-a'], '--agent-socket node-a: NODE=PATH is wanted'],
    [[...socket, '--agent-service-account', 'agent'], '--agent-service-account agent: NAMESPACE/NAME is wanted'],
    [[...socket, '--log-level', 'loud'], '--log-level loud: one of debug, info, warn, error is wanted'],
  ])('for %j', (args, message) => {
    expect(refusal(args)).toBe(message);
  });

  it('for a setting that there is none of', () => {
    expect(refusal([...socket, '--colour'])).toMatch(/--colour/);
    expect(refusal(socket, { PLUMBLINE_DATADIR: '/data' })).toBe('there is no setting PLUMBLINE_DATADIR');
  });
});

it('a probe needs no way in for agents', () => {
  expect(readConfig(['--probe', 'readyz'], {})).toEqual({
    kind: 'probe',
    what: 'readyz',
    http: { host: '127.0.0.1', port: 8080 },
  });
});
