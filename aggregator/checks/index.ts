/** All checks, as an explicit list: causes before their effects, as audit/causes.ts orders them. */
import type { Check } from '../model/check.ts';
import { affinityMismatch } from './affinity-mismatch.ts';
import { baseJumpOrder } from './base-jump-order.ts';
import { competingProxies } from './competing-proxies.ts';
import { conntrackFull } from './conntrack-full.ts';
import { conntrackInsertFailed } from './conntrack-insert-failed.ts';
import { danglingJump } from './dangling-jump.ts';
import { duplicateRules } from './duplicate-rules.ts';
import { forwardDropped } from './forward-dropped.ts';
import { healthCheckNodePort } from './health-check-node-port.ts';
import { hostportMissing } from './hostport-missing.ts';
import { invalidPacketsReset } from './invalid-packets-reset.ts';
import { ipvsDrainedBackend } from './ipvs-drained-backend.ts';
import { ipvsUnboundVip } from './ipvs-unbound-vip.ts';
import { leftoverProxyRules } from './leftover-proxy-rules.ts';
import { localDetectorWrong } from './local-detector-wrong.ts';
import { markCollision } from './mark-collision.ts';
import { missingBaseJump } from './missing-base-jump.ts';
import { missingEndpoint } from './missing-endpoint.ts';
import { missingMasquerade } from './missing-masquerade.ts';
import { missingService } from './missing-service.ts';
import { mixedBackends } from './mixed-backends.ts';
import { modelDisagreement } from './model-disagreement.ts';
import { noLocalEndpoint } from './no-local-endpoint.ts';
import { nodeNameMismatch } from './node-name-mismatch.ts';
import { oddNodeOut } from './odd-node-out.ts';
import { orphanedChains } from './orphaned-chains.ts';
import { proxyDown } from './proxy-down.ts';
import { proxyStalled } from './proxy-stalled.ts';
import { proxySyncFailing } from './proxy-sync-failing.ts';
import { rejectedService } from './rejected-service.ts';
import { serviceSelectsNothing } from './service-selects-nothing.ts';
import { sourceRangeMismatch } from './source-range-mismatch.ts';
import { staleConntrack } from './stale-conntrack.ts';
import { staleEndpoint } from './stale-endpoint.ts';
import { staleService } from './stale-service.ts';
import { topologySkew } from './topology-skew.ts';
import { unevenBalance } from './uneven-balance.ts';
import { unreadableRules } from './unreadable-rules.ts';
import { unrejectedService } from './unrejected-service.ts';
import { xtablesLock } from './xtables-lock.ts';

export const checks: readonly Check[] = [
  modelDisagreement,
  oddNodeOut,
  mixedBackends,
  missingBaseJump,
  baseJumpOrder,
  danglingJump,
  duplicateRules,
  leftoverProxyRules,
  competingProxies,
  ipvsUnboundVip,
  ipvsDrainedBackend,
  nodeNameMismatch,
  localDetectorWrong,
  markCollision,
  missingMasquerade,
  proxyDown,
  proxySyncFailing,
  proxyStalled,
  staleEndpoint,
  missingService,
  rejectedService,
  staleService,
  missingEndpoint,
  sourceRangeMismatch,
  affinityMismatch,
  unevenBalance,
  unrejectedService,
  noLocalEndpoint,
  healthCheckNodePort,
  hostportMissing,
  forwardDropped,
  orphanedChains,
  staleConntrack,
  conntrackFull,
  conntrackInsertFailed,
  invalidPacketsReset,
  xtablesLock,
  serviceSelectsNothing,
  topologySkew,
  unreadableRules,
];
