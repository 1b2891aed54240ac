/*
 * The kernel keeps an entry for every connection, up to nf_conntrack_max. When there is no room it throws out a flow that
 * was not answered yet (early_drop), and where there is none of those it drops the packet: `nf_conntrack: table full,
 * dropping packet`. kube-proxy sets the limit to 32,768 per core, 131,072 at least, and lets closing connections of TCP
 * linger for an hour (kubernetes#71261, #18604, #97377).
 */
import type { ConntrackReport, Counter } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Evidence, Remedy, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { rate } from './shared/rates.ts';
import { joined } from './shared/words.ts';

const nearlyFull = 0.9;
/** Packets are dropped for other reasons, too; the table counts as the reason where at least so much of it is used. */
const wellUsed = 0.75;

export const conntrackFull: NodeCheck = {
  id: 'conntrack-full',
  layer: 'L3',
  scope: 'node',
  severity: 'critical',
  title: 'The connection tracking table is full, or nearly so',
  explanation: `Every connection through the node takes an entry in the kernel's connection table. More than nine tenths of it are in use, or it was full within the last minute: entries of flows that were not answered yet were thrown out, or packets of new connections dropped. Connections that exist go on; new ones time out at random, to every Service and from every pod of the node.

As long as nothing was dropped, the severity is high.`,
  falsePositives: `A limit of 0 is none. Dropped packets alone are no sign of a full table: insertions that fail are counted as dropped as well (see \`conntrack-insert-failed\`), so only what goes beyond those counts, and only where three quarters of the table are in use.`,
  remediation: `Raise the limit: \`conntrack.maxPerCore\` or \`conntrack.min\` in kube-proxy's configuration, which sets it at its start. Then find out who needs so many connections: short connections without keep-alive, a health checker, a scan. \`conntrack.tcpCloseWaitTimeout\` (one hour by default) makes room where peers do not close.`,
  needs: ['conntrack'],
  holdForSeconds: 60,
  clearForSeconds: 300,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const { conntrack } = view.parts;
  if (conntrack.state !== 'ok') return [];
  const report = conntrack.value;
  const usage = report.max === 0 ? 0 : report.count / report.max;
  const thrownOut = report.earlyDrop?.increase ?? 0;
  const dropped =
    usage >= wellUsed ? Math.max(0, (report.drop?.increase ?? 0) - (report.insertFailed?.increase ?? 0)) : 0;
  if (report.max === 0 || (usage <= nearlyFull && thrownOut === 0 && dropped === 0)) return [];
  const isLossy = thrownOut > 0 || dropped > 0;
  const losses = joined([
    ...(dropped > 0 ? ['packets are dropped'] : []),
    ...(thrownOut > 0 ? ['flows are thrown out to make room'] : []),
  ]);
  return [
    {
      subject: nodeSubject(view),
      summary: `${percentOf(usage)} of the connection table of ${view.name} ${usage > nearlyFull ? 'is' : 'was'} in use, ${isLossy ? `and ${losses}` : 'and nothing was dropped yet'}.`,
      evidence: evidenceOf(report),
      remediation: remediesOf(view, report),
      frontends: [],
      ...(isLossy ? {} : { severity: 'high' as const }),
    },
  ];
}

function percentOf(usage: number): string {
  return `${Math.round(usage * 100)} %`;
}

function evidenceOf({ count, max, drop, earlyDrop, insertFailed }: ConntrackReport): readonly Evidence[] {
  const counter = (name: string, value: Counter | null): readonly Evidence[] =>
    value === null ? [] : [fact(name, rate(value))];
  return [
    fact('connections', `${count} of ${max}`),
    ...counter('drop', drop),
    ...counter('early_drop', earlyDrop),
    ...counter('insert_failed', insertFailed),
  ];
}

function remediesOf({ name }: NodeView, { max }: ConntrackReport): readonly Remedy[] {
  return [
    {
      command: `sysctl -w net.netfilter.nf_conntrack_max=${max * 2}`,
      effect: `Run on ${name}: makes room at once, for some ${Math.ceil((max * 320) / 2 ** 20)} MiB more of the kernel's memory when it is used. It lasts until kube-proxy starts again, which sets what its configuration says.`,
    },
    {
      command:
        "conntrack -L -o extended 2>/dev/null | grep -o 'src=[^ ]* dst=[^ ]* sport' | sort | uniq -c | sort -rn | head",
      effect: `Run on ${name}: shows between which addresses most connections are. It changes nothing.`,
    },
  ];
}
