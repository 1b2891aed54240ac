/** All checks, as an explicit list: causes before their effects, as audit/causes.ts orders them. */
import type { Check } from '../model/check.ts';
import { affinityMismatch } from './affinity-mismatch.ts';
import { danglingJump } from './dangling-jump.ts';
import { duplicateRules } from './duplicate-rules.ts';
import { leftoverProxyRules } from './leftover-proxy-rules.ts';
import { localDetectorWrong } from './local-detector-wrong.ts';
import { missingBaseJump } from './missing-base-jump.ts';
import { missingEndpoint } from './missing-endpoint.ts';
import { missingMasquerade } from './missing-masquerade.ts';
import { missingService } from './missing-service.ts';
import { mixedBackends } from './mixed-backends.ts';
import { modelDisagreement } from './model-disagreement.ts';
import { orphanedChains } from './orphaned-chains.ts';
import { proxyDown } from './proxy-down.ts';
import { proxyStalled } from './proxy-stalled.ts';
import { proxySyncFailing } from './proxy-sync-failing.ts';
import { rejectedService } from './rejected-service.ts';
import { sourceRangeMismatch } from './source-range-mismatch.ts';
import { staleEndpoint } from './stale-endpoint.ts';
import { staleService } from './stale-service.ts';
import { unevenBalance } from './uneven-balance.ts';
import { unreadableRules } from './unreadable-rules.ts';
import { unrejectedService } from './unrejected-service.ts';

export const checks: readonly Check[] = [
  modelDisagreement,
  mixedBackends,
  missingBaseJump,
  danglingJump,
  duplicateRules,
  leftoverProxyRules,
  localDetectorWrong,
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
  orphanedChains,
  unreadableRules,
];
