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
      dataDir: 'plumbline-data',
      kubeconfig: null,
      context: null,
      identity: {
        audience: 'plumbline',
        namespace: 'plumbline',
        serviceAccount: 'plumbline-agent',
        daemonSet: 'plumbline-agent',
      },
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
    expect(config(tls).agents).toEqual({ host: '0.0.0.0', port: 8443, certFile: 'tls.crt', keyFile: 'tls.key' });
  });

  it("leave the variables alone that Kubernetes makes of a Service's name, and those of other programs", () => {
    const environment = { PLUMBLINE_AGGREGATOR_SERVICE_HOST: '10.96.0.9', PLUMBLINE_SERVER: 'http://127.0.0.1:8080' };
    expect(refusal(socket, environment)).toBeNull();
  });
});

describe('a start is refused', () => {
  it.each([
    [[], 'agents could not connect: give --listen-grpc with its two TLS files, or --agent-socket'],
    [
      ['--listen-grpc', '0.0.0.0:8443'],
      '--listen-grpc needs --tls-cert-file and --tls-key-file: agents send tokens over it',
    ],
    [[...socket, '--tls-cert-file', 'a'], 'TLS files are of no use without --listen-grpc'],
    [
      [...socket, '--listen-http', '0.0.0.0:8080'],
      '--listen-http 0.0.0.0 is not a loopback address, and requests are not authenticated yet',
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
