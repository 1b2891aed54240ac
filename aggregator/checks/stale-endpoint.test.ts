import { describe, expect, it } from 'vitest';
import {
  dropped,
  everyone,
  forwardTo,
  forwardWith,
  frontend,
  nodeView,
  prefix,
  rejected,
} from '../../test/view-builders.ts';
import { staleEndpoint } from './stale-endpoint.ts';

const web = 'tcp 10.96.0.1:80';
const webNodePort = 'tcp node4:30080';
const owners = { [web]: 'shop/web:http', [webNodePort]: 'shop/web:http' };

describe('stale-endpoint', () => {
  it('a backend that is gone is told once for all frontends of the service port, with wanted beside real', () => {
    const wanted = everyone(forwardTo('10.244.1.2:8080'));
    const real = everyone(forwardTo('10.244.1.2:8080', '10.244.3.2:8080'));
    const view = nodeView({
      desired: [
        [web, wanted],
        [webNodePort, wanted],
      ],
      observed: [
        [web, real],
        [webNodePort, real],
      ],
      owners,
    });
    expect(staleEndpoint.evaluate(view)).toEqual([
      {
        subject: { kind: 'Service', namespace: 'shop', name: 'web', port: 'http', protocol: 'tcp' },
        summary: 'node-a forwards shop/web:http to 10.244.3.2:8080, which this node should not use.',
        evidence: [
          {
            kind: 'forwarding',
            frontend: web,
            wanted: 'forward to 10.244.1.2:8080 (masquerade never)',
            real: 'forward to 10.244.1.2:8080 and 10.244.3.2:8080 (masquerade never)',
          },
          {
            kind: 'forwarding',
            frontend: webNodePort,
            wanted: 'forward to 10.244.1.2:8080 (masquerade never)',
            real: 'forward to 10.244.1.2:8080 and 10.244.3.2:8080 (masquerade never)',
          },
          { kind: 'backend', frontend: web, backend: '10.244.3.2:8080', state: 'stale' },
          { kind: 'backend', frontend: webNodePort, backend: '10.244.3.2:8080', state: 'stale' },
        ],
        remediation: [
          {
            command: 'kubectl -n shop get endpointslices -l kubernetes.io/service-name=web -o wide',
            effect: 'Shows the endpoints that kube-proxy should be using for shop/web.',
          },
          {
            command: 'iptables-nft-save > rules-before-repair.txt',
            effect: 'Run on node-a first: keeps the rules as they are now, which the repair overwrites.',
          },
          {
            command: 'kubectl -n kube-system delete pod --field-selector spec.nodeName=node-a -l k8s-app=kube-proxy',
            effect:
              "Restarts kube-proxy on node-a: its first sync writes every chain and base jump anew. The label is kubeadm's; other installers name the pods differently or run kube-proxy as a service of the node.",
          },
        ],
        frontends: [frontend(web), frontend(webNodePort)],
        explains: [frontend(web), frontend(webNodePort)],
      },
    ]);
  });

  it('a service without usable endpoint that is still forwarded has only stale backends', () => {
    const view = nodeView({
      desired: [[web, everyone(rejected)]],
      observed: [[web, everyone(forwardTo('10.244.1.2:8080'))]],
      owners,
    });
    expect(staleEndpoint.evaluate(view).map(({ summary }) => summary)).toEqual([
      'node-a forwards shop/web:http to 10.244.1.2:8080, although it should refuse or drop all packets.',
    ]);
  });

  it('a frontend whose owner nobody knows is its own subject', () => {
    const view = nodeView({
      desired: [[web, everyone(forwardTo('10.244.1.2:8080'))]],
      observed: [[web, everyone(forwardTo('10.244.1.9:8080'))]],
    });
    expect(staleEndpoint.evaluate(view).map(({ subject }) => subject)).toEqual([
      { kind: 'Frontend', name: web, port: '80', protocol: 'tcp' },
    ]);
  });

  it('a backend that is merely missing is not stale', () => {
    const view = nodeView({
      desired: [[web, everyone(forwardTo('10.244.1.2:8080', '10.244.3.2:8080'))]],
      observed: [[web, everyone(forwardTo('10.244.1.2:8080'))]],
      owners,
    });
    expect(staleEndpoint.evaluate(view)).toEqual([]);
  });

  it('pods let in by old source ranges are no matter of endpoints', () => {
    const ranges = forwardWith(['10.244.1.2:8080'], { route: { sources: [prefix('198.51.100.0/25')] } });
    const open = forwardTo('10.244.1.2:8080');
    const view = nodeView({
      desired: [[web, { pod: dropped, node: dropped, outside: ranges }]],
      observed: [[web, { pod: open, node: dropped, outside: ranges }]],
      owners,
    });
    expect(staleEndpoint.evaluate(view)).toEqual([]);
  });
});
