import { describe, expect, it } from 'vitest';
import { chainHash } from '../../proto/chain-names.ts';
import type { DanglingJump } from '../../proto/parts.ts';
import { everyone, excerpt, forwardTo, frontend, nodeView, structure, unreadable } from '../../test/view-builders.ts';
import { danglingJump } from './dangling-jump.ts';

const api = 'tcp 10.96.125.205:9090';
const owners = { [api]: 'shop/api:grpc' };
const serviceChain = `KUBE-SVC-${chainHash('shop/api:grpc', 'tcp')}`;
const endpointChain = 'KUBE-SEP-VGV5LLOOEQPQNDWN';
const both = everyone(forwardTo('10.244.1.3:9090', '10.244.1.4:9090'));

const toService: DanglingJump = {
  table: 'nat',
  chain: 'KUBE-SERVICES',
  rule: `-A KUBE-SERVICES -d 10.96.125.205/32 -p tcp -m tcp --dport 9090 -j ${serviceChain}`,
  target: serviceChain,
};
const toEndpoint: DanglingJump = {
  table: 'nat',
  chain: serviceChain,
  rule: `-A ${serviceChain} -m statistic --mode random --probability 0.50000000000 -j ${endpointChain}`,
  target: endpointChain,
};

function dangling(...jumps: readonly DanglingJump[]) {
  return [structure({ danglingJumps: excerpt(...jumps) })];
}

describe('dangling-jump', () => {
  it('the chain of a service was flushed: the hash of its name tells whose it is, and packets are lost', () => {
    const view = nodeView({ desired: [[api, both]], observed: [], owners, structures: dangling(toService) });
    expect(danglingJump.evaluate(view)).toMatchObject([
      {
        subject: { kind: 'Service', namespace: 'shop', name: 'api', port: 'grpc', protocol: 'tcp' },
        summary: `Rules of shop/api:grpc on node-a jump to ${serviceChain}, which does nothing with the packets: packets pass untranslated.`,
        evidence: [
          {
            kind: 'rule',
            table: 'nat',
            rule: toService.rule,
            note: `${serviceChain} holds no rule that acts (iptables-nft, ipv4)`,
          },
        ],
        frontends: [frontend(api)],
        explains: [frontend(api)],
      },
    ]);
  });

  it('an endpoint chain lost its DNAT and the others take over: high', () => {
    const view = nodeView({
      desired: [[api, both]],
      observed: [[api, everyone(forwardTo('10.244.1.4:9090'))]],
      owners,
      structures: dangling(toEndpoint),
    });
    expect(danglingJump.evaluate(view)).toMatchObject([
      {
        subject: { kind: 'Service', namespace: 'shop', name: 'api' },
        severity: 'high',
        summary: `Rules of shop/api:grpc on node-a jump to ${endpointChain}, which does nothing with the packets: no packet is lost while other endpoints take over.`,
        explains: [frontend(api)],
      },
    ]);
  });

  it('where the outcome could not be traced it does not claim that nothing is lost', () => {
    const view = nodeView({
      desired: [[api, both]],
      observed: [[api, everyone(unreadable('source-dependent'))]],
      owners,
      structures: dangling(toEndpoint),
    });
    expect(danglingJump.evaluate(view).map(({ summary, severity }) => ({ summary, severity }))).toEqual([
      {
        summary: `Rules of shop/api:grpc on node-a jump to ${endpointChain}, which does nothing with the packets: what becomes of its packets is not known.`,
        severity: undefined,
      },
    ]);
  });

  it('a chain of nobody known is a rule on the node', () => {
    const structures = dangling({
      ...toService,
      rule: '-A KUBE-SERVICES -j KUBE-SVC-AAAAAAAAAAAAAAAA',
      target: 'KUBE-SVC-AAAAAAAAAAAAAAAA',
    });
    expect(danglingJump.evaluate(nodeView({ structures }))).toMatchObject([
      { subject: { kind: 'Rule', name: 'nat KUBE-SVC-AAAAAAAAAAAAAAAA' }, frontends: [], explains: [] },
    ]);
  });

  it('a comment that names another service does not outweigh the hash', () => {
    const rule = toService.rule.replace(' -m tcp', ' -m comment --comment "shop/web cluster IP" -m tcp');
    const view = nodeView({
      desired: [[api, both]],
      observed: [],
      owners: { ...owners, 'tcp 10.96.0.1:80': 'shop/web' },
      structures: dangling({ ...toService, rule }),
    });
    expect(danglingJump.evaluate(view).map(({ subject }) => subject)).toMatchObject([{ name: 'api' }]);
  });

  it('no dangling jump, no finding', () => {
    expect(danglingJump.evaluate(nodeView({ desired: [[api, both]], observed: [], owners }))).toEqual([]);
  });
});
