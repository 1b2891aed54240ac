/*
 * kube-proxy writes its rules in one go; when iptables-restore or nft refuses the text, nothing of it is written, and
 * the same is tried again after syncPeriod. A rule the kernel does not know, a missing module or a held lock make that
 * last (kubernetes#112292, #121726, #66454); newer nft programs than the image's break the nftables mode at its first
 * sync (kubernetes#136786). Changes of a sync that failed used to be lost even when the next one worked (#112604).
 * A partial sync that fails is followed by a full one, so alone it costs time only (#121362).
 */
import type { SyncFailures } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Evidence, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import {
  answers,
  counterText,
  familyText,
  isTroubled,
  type SyncTrouble,
  syncTrouble,
} from './shared/kube-proxy-syncs.ts';
import { resync, showProxyLog } from './shared/remedies.ts';
import { timeText } from './shared/times.ts';
import { counted, joined } from './shared/words.ts';

export const proxySyncFailing: NodeCheck = {
  id: 'proxy-sync-failing',
  layer: 'L3',
  scope: 'node',
  severity: 'critical',
  title: 'kube-proxy on this node fails to write its rules, or does not get it done',
  explanation: `kube-proxy hears of changes and cannot bring them into the kernel: its count of failed restores rises, a sync is overdue for more than a minute, or it calls itself unhealthy (503 on its health port). The rules stay as the last successful sync left them, so every Service that changes from then on is wrong here. What already differs between the API and the rules is a child of this finding.

In nftables mode it also fires where kube-proxy has synced, or failed to, and its table is gone or empty: then no Service works on the node. Partial syncs that fail while full syncs work are told with severity medium: kube-proxy answers each with a full sync, so changes arrive late, and no difference is laid to them. So are old chains of nftables mode that cannot be removed: nothing leads to them.`,
  falsePositives: `A sync counts as overdue when it was asked for more than 60 s after the last one was done *and* is due for at least 30 s: in a quiet cluster the last sync may be hours old. Before its first sync a kube-proxy is starting, not late. Where the node is being deleted, /healthz answers 503 by intent; /livez then tells. One failure that the next sync made good passes before this fires.`,
  remediation: `Read kube-proxy's log on the node for \`Failed to execute iptables-restore\` (or \`nftables sync failed\`) and the line that was refused: a module that is not loaded, a chain somebody else deleted, a lock that somebody holds. Restart kube-proxy afterwards, so that it writes everything anew.`,
  needs: ['kubeProxy'],
  holdForSeconds: 90,
  clearForSeconds: 600,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const part = view.parts.kubeProxy;
  if (part.state !== 'ok' || !answers(part.value)) return [];
  const trouble = syncTrouble(view, part);
  if (!isTroubled(trouble)) return [];
  const { overdue, unhealthy, lostTables, failures } = trouble;
  const isWhole = overdue.length > 0 || unhealthy || lostTables.length > 0 || failures.some(isOfFullSync(trouble));
  const drifted = view.drift.filter((drift) => drift.kind !== 'unknown').map((drift) => drift.key);
  const outOfStep = drifted.length === 0 ? [] : [fact('already out of step', counted(drifted.length, 'frontend'))];
  const told = {
    subject: nodeSubject(view),
    evidence: [...troubleEvidence(trouble), ...outOfStep],
    remediation: [showProxyLog(view.name, logWord(part.value.mode)), ...resync(view)],
  };
  if (!isWhole) {
    const isCleanup = failures.every(({ what }) => what === 'nftables-cleanup');
    const summary = isCleanup
      ? `kube-proxy on ${view.name} fails to remove chains that it no longer needs (${failuresText(trouble)}); Services work.`
      : `Partial syncs of kube-proxy on ${view.name} fail (${failuresText(trouble)}); full syncs make up for them, later.`;
    return [{ ...told, summary, severity: 'medium', frontends: [] }];
  }
  const summary = `kube-proxy on ${view.name} does not get its rules written: ${joined(reasons(trouble))}.`;
  return [{ ...told, summary, frontends: drifted, explains: 'all' }];
}

/** A partial sync that fails counts as a failed restore, too: only what goes beyond those were full syncs. */
function isOfFullSync({ failures }: SyncTrouble): (failure: SyncFailures) => boolean {
  return ({ family, what, counter }) => {
    if (what !== 'iptables-restore') return what === 'nftables-sync';
    const partial = failures.find((other) => other.what === 'iptables-partial-restore' && other.family === family);
    return counter.increase > (partial?.counter.increase ?? 0);
  };
}

function reasons(trouble: SyncTrouble): readonly string[] {
  return [
    ...(trouble.failures.length > 0 ? [`syncs fail (${failuresText(trouble)})`] : []),
    ...trouble.overdue.map(({ family, queued, done }) => {
      return `the last sync of ${familyText(family)} was done at ${timeText(done)}, and one is due since ${timeText(queued)}`;
    }),
    ...(trouble.unhealthy ? ['it calls itself unhealthy'] : []),
    ...(trouble.lostTables.length > 0
      ? [`its nftables table for ${joined(trouble.lostTables.map(familyText))} is not there, or holds nothing`]
      : []),
  ];
}

function failuresText({ failures }: SyncTrouble): string {
  return joined(failures.map(failureName));
}

function troubleEvidence({ failures, overdue, unhealthy, lostTables }: SyncTrouble): readonly Evidence[] {
  return [
    ...failures.map((failure) => fact(`failed: ${failureName(failure)}`, counterText(failure.counter))),
    ...overdue.flatMap(({ family, queued, done }) => [
      fact(`last sync, ${familyText(family)}`, timeText(done)),
      fact(`sync due since, ${familyText(family)}`, `${timeText(queued)}, ${Math.round(queued - done)} s later`),
    ]),
    ...(unhealthy ? [fact("kube-proxy's word", 'unhealthy (503)')] : []),
    ...lostTables.map((family) => fact(`table ${family === 'ipv4' ? 'ip' : 'ip6'} kube-proxy`, 'absent or empty')),
  ];
}

/** What kube-proxy's log says when a sync fails. */
function logWord(mode: string | null): string {
  return mode === 'nftables' ? 'nftables sync failed' : 'Failed to execute';
}

/** `iptables-restore of IPv4`. */
function failureName({ what, family }: SyncFailures): string {
  return family === null ? what : `${what} of ${familyText(family)}`;
}
