import { describe, expect, it } from 'vitest';
import type { KubeProxyReport, LockHolder } from '../../proto/parts.ts';
import { kubeProxy, nodeView, reported, structure, type ViewSketch } from '../../test/view-builders.ts';
import { xtablesLock } from './xtables-lock.ts';

const holder: LockHolder = { pid: 4242, program: 'iptables', parent: 'fail2ban-server', heldSeconds: 0, waiting: 1 };
const failing: Partial<KubeProxyReport> = {
  syncFailures: [
    { family: 'ipv4', what: 'iptables-restore', counter: { total: 9, increase: 2, windowSeconds: 60, reset: false } },
  ],
};
const legacy = { structures: [structure({ backend: 'legacy' })] };

function evaluate(lock: Partial<LockHolder> | null, proxy: Partial<KubeProxyReport> = {}, sketch: ViewSketch = legacy) {
  const kernel = { conntrackTcpBeLiberal: false, xtablesLock: lock === null ? null : { ...holder, ...lock } };
  return xtablesLock.evaluate(
    nodeView({ ...sketch, parts: { kernel: reported(kernel), kubeProxy: kubeProxy(proxy) } }),
  );
}

describe('xtables-lock', () => {
  it("somebody has it while kube-proxy's syncs fail", () => {
    expect(evaluate({}, { ...failing, syncP99Seconds: 8.192 })).toEqual([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary:
          "iptables, started by fail2ban-server (process 4242) holds the iptables lock of node-a, and 2 syncs of kube-proxy failed, and kube-proxy's syncs take up to 8.192 s.",
        evidence: [
          { kind: 'fact', name: 'holder', value: 'iptables, started by fail2ban-server (process 4242)' },
          { kind: 'fact', name: 'seen holding it', value: '0 s' },
          { kind: 'fact', name: 'waiting for it', value: '1' },
          { kind: 'fact', name: '99 of 100 syncs took at most', value: '8.192 s' },
        ],
        remediation: [
          {
            command: 'ps -o pid,ppid,etime,args -p 4242',
            effect: 'Run on node-a: shows what it is, who started it and since when it runs. It changes nothing.',
          },
          {
            command: 'lslocks -o COMMAND,PID,TYPE,MODE,PATH | grep xtables.lock',
            effect: 'Run on node-a: shows who holds the lock now and who waits for it.',
          },
          {
            command:
              'kubectl -n kube-system logs --timestamps --tail=500 "$(kubectl -n kube-system get pods --field-selector spec.nodeName=node-a -l k8s-app=kube-proxy -o name)"',
            effect: `Shows the last lines of kube-proxy's log on node-a: look for "xtables lock". The label is kubeadm's.`,
          },
        ],
        frontends: [],
      },
    ]);
  });

  it('somebody holds it for half a minute, whatever kube-proxy says', () => {
    expect(evaluate({ program: 'aws-cni', parent: null, heldSeconds: 40 }).map(({ summary }) => summary)).toEqual([
      'aws-cni (process 4242) holds the iptables lock of node-a for 40 s, which is longer than kube-proxy waits.',
    ]);
  });

  it('somebody has it and syncs are slow', () => {
    expect(evaluate({}, { syncP99Seconds: 16.384 })).toHaveLength(1);
  });

  it.each<readonly [string, ReturnType<typeof evaluate>]>([
    ['nobody holds it, though syncs fail', evaluate(null, failing)],
    ['somebody has it for a moment, and syncs are well', evaluate({ heldSeconds: 5 }, { syncP99Seconds: 0.256 })],
    ['kube-proxy writes its rules', evaluate({ program: 'iptables-restor', parent: 'kube-proxy' }, failing)],
    [
      'k3s, with kube-proxy inside, writes them',
      evaluate({ program: 'iptables-restor', parent: 'k3s-agent' }, failing),
    ],
    ['MicroK8s does', evaluate({ program: 'iptables-restor', parent: 'kubelite', heldSeconds: 40 })],
    [
      'an old kube-proxy takes the lock itself',
      evaluate({ program: 'kube-proxy', parent: 'containerd-shim' }, failing),
    ],
    ['rules are those of iptables-nft, which needs no lock', evaluate({ heldSeconds: 60 }, failing, {})],
    [
      'kube-proxy is in ipvs mode',
      evaluate({ heldSeconds: 60 }, failing, { ...legacy, profile: { mode: { value: 'ipvs', source: 'proxyMode' } } }),
    ],
  ])('%s: nothing', (_, violations) => {
    expect(violations).toEqual([]);
  });
});
