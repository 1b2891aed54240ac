/*
 * iptables-legacy takes a lock on /run/xtables.lock for every change. kube-proxy waits five seconds for it, then gives
 * the sync up and tries again after syncPeriod (kubernetes#48107, #57428, #46103). Whoever changes many rules one by one
 * keeps it busy: CNI plugins (aws-vpc-cni#2948), network policy agents (k3s#11098), fail2ban, scripts in a loop. A pod
 * that does not mount the file has a lock of its own, which keeps nobody out. iptables-nft takes no lock at all.
 */
import type { KubeProxyReport, LockHolder } from '../../proto/parts.ts';
import { type DataplaneMode, valueOr } from '../../proto/profile.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Evidence, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { shellWord, showProxyLog } from './shared/remedies.ts';
import { counted } from './shared/words.ts';

/** Six times as long as kube-proxy waits for it. */
const longSeconds = 30;
/** As long as kube-proxy waits for the lock: a sync that takes longer had to wait for something. */
const slowSeconds = 5;

export const xtablesLock: NodeCheck = {
  id: 'xtables-lock',
  layer: 'L3',
  scope: 'node',
  severity: 'medium',
  title: 'Another program holds the iptables lock, and kube-proxy has to wait for it',
  explanation: `Programs that change rules with iptables-legacy take turns by a lock on \`/run/xtables.lock\`. Another program than kube-proxy held it each time the node was read: for ${longSeconds} s and more in one go, or again and again while kube-proxy's syncs fail or are slow. kube-proxy waits five seconds for the lock and then puts its sync off, so changes of Services reach this node late.`,
  falsePositives: `kube-proxy itself holds the lock while it writes; what it started is never blamed, and neither is what k3s or MicroK8s start, which have kube-proxy inside. That a program holds the lock for a moment is normal, so it must be seen for a minute and a half. Nodes whose rules are written by iptables-nft, or that are not in iptables mode, do not need the lock. Slow syncs alone are no sign of it: on large clusters they are slow by themselves.`,
  remediation: `Find out what the program does and have it change rules in one go (\`iptables-restore\`) or less often. Check that kube-proxy's pod and every CNI agent mount \`/run/xtables.lock\` from the host (type \`FileOrCreate\`), and that scripts call \`iptables -w\`. The nftables mode of kube-proxy needs no such lock.`,
  needs: ['kernel', 'iptables', 'kubeProxy'],
  holdForSeconds: 90,
  clearForSeconds: 300,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const { kernel, kubeProxy } = view.parts;
  const holder = kernel.state === 'ok' ? kernel.value.xtablesLock : null;
  if (holder === null || kubeProxy.state !== 'ok' || !needsLock(view) || isKubeProxys(holder)) return [];
  const troubles = troublesOf(kubeProxy.value);
  if (holder.heldSeconds < longSeconds && troubles.length === 0) return [];
  return [
    {
      subject: nodeSubject(view),
      summary: `${holderText(holder)} holds the iptables lock of ${view.name}${holder.heldSeconds > 0 ? ` for ${holder.heldSeconds} s` : ''}${troubles.length > 0 ? `, and ${troubles.join(', and ')}` : ', which is longer than kube-proxy waits'}.`,
      evidence: evidenceOf(holder, kubeProxy.value),
      remediation: [
        {
          command: `ps -o pid,ppid,etime,args -p ${holder.pid}`,
          effect: `Run on ${view.name}: shows what it is, who started it and since when it runs. It changes nothing.`,
        },
        {
          command: `lslocks -o COMMAND,PID,TYPE,MODE,PATH | grep ${shellWord('xtables.lock')}`,
          effect: `Run on ${view.name}: shows who holds the lock now and who waits for it.`,
        },
        showProxyLog(view.name, 'xtables lock'),
      ],
      frontends: [],
    },
  ];
}

function needsLock({ profile, parts: { iptables } }: NodeView): boolean {
  const mode = valueOr<DataplaneMode>(profile.mode, 'none');
  return mode === 'iptables' && iptables.state === 'ok' && iptables.value.serviceBackends.includes('legacy');
}

/** kube-proxy, and programs that have it inside: k3s (server and agent), MicroK8s. What else they do, nobody can tell. */
const kubeProxys = ['kube-proxy', 'k3s-server', 'k3s-agent', 'k3s', 'kubelite'];

function isKubeProxys({ program, parent }: LockHolder): boolean {
  return kubeProxys.includes(program) || (parent !== null && kubeProxys.includes(parent));
}

/** `iptables of fail2ban-server (process 4242)`. */
function holderText({ pid, program, parent }: LockHolder): string {
  return `${program}${parent === null ? '' : `, started by ${parent}`} (process ${pid})`;
}

/** What of kube-proxy's own word shows that its syncs suffer. */
function troublesOf({ syncFailures, syncP99Seconds }: KubeProxyReport): readonly string[] {
  const failed = syncFailures.reduce(
    (sum, { what, counter }) => sum + (what === 'iptables-restore' ? counter.increase : 0),
    0,
  );
  return [
    ...(failed > 0 ? [`${counted(failed, 'sync')} of kube-proxy failed`] : []),
    ...(syncP99Seconds !== null && syncP99Seconds > slowSeconds
      ? [`kube-proxy's syncs take up to ${syncP99Seconds} s`]
      : []),
  ];
}

function evidenceOf(holder: LockHolder, { syncP99Seconds }: KubeProxyReport): readonly Evidence[] {
  return [
    fact('holder', holderText(holder)),
    fact('seen holding it', `${holder.heldSeconds} s`),
    fact('waiting for it', String(holder.waiting)),
    ...(syncP99Seconds === null ? [] : [fact('99 of 100 syncs took at most', `${syncP99Seconds} s`)]),
  ];
}
