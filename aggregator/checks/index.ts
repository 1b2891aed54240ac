/** All checks, as an explicit list: causes before their effects, as audit/causes.ts orders them. */
import type { Check } from '../model/check.ts';
import { affinityMismatch } from './affinity-mismatch.ts';
import { baseJumpOrder } from './base-jump-order.ts';
import { bgpDown } from './bgp-down.ts';
import { blackholeRoute } from './blackhole-route.ts';
import { bridgeNetfilterOff } from './bridge-netfilter-off.ts';
import { cniConfigAmbiguous } from './cni-config-ambiguous.ts';
import { cniConfigMissing } from './cni-config-missing.ts';
import { cniPluginMissing } from './cni-plugin-missing.ts';
import { competingProxies } from './competing-proxies.ts';
import { conntrackFull } from './conntrack-full.ts';
import { conntrackInsertFailed } from './conntrack-insert-failed.ts';
import { danglingJump } from './dangling-jump.ts';
import { dnsConfigMismatch } from './dns-config-mismatch.ts';
import { dnsForwardLoop } from './dns-forward-loop.ts';
import { dnsNoEndpoints } from './dns-no-endpoints.ts';
import { dnsReplicaFailing } from './dns-replica-failing.ts';
import { dnsSearchAmplification } from './dns-search-amplification.ts';
import { dnsUpstreamFailing } from './dns-upstream-failing.ts';
import { dnsVipFailing } from './dns-vip-failing.ts';
import { duplicatePodIp } from './duplicate-pod-ip.ts';
import { duplicateRules } from './duplicate-rules.ts';
import { firstPolicyIsolates } from './first-policy-isolates.ts';
import { forwardDropped } from './forward-dropped.ts';
import { hairpinOff } from './hairpin-off.ts';
import { healthCheckNodePort } from './health-check-node-port.ts';
import { hostportMissing } from './hostport-missing.ts';
import { invalidPacketsReset } from './invalid-packets-reset.ts';
import { ipForwardOff } from './ip-forward-off.ts';
import { ipamLeak } from './ipam-leak.ts';
import { ipvsDrainedBackend } from './ipvs-drained-backend.ts';
import { ipvsUnboundVip } from './ipvs-unbound-vip.ts';
import { leftoverProxyRules } from './leftover-proxy-rules.ts';
import { localDetectorWrong } from './local-detector-wrong.ts';
import { markCollision } from './mark-collision.ts';
import { matrixMismatch } from './matrix-mismatch.ts';
import { missingBaseJump } from './missing-base-jump.ts';
import { missingEndpoint } from './missing-endpoint.ts';
import { missingMasquerade } from './missing-masquerade.ts';
import { missingService } from './missing-service.ts';
import { mixedBackends } from './mixed-backends.ts';
import { modelDisagreement } from './model-disagreement.ts';
import { mtuLadder } from './mtu-ladder.ts';
import { noLocalEndpoint } from './no-local-endpoint.ts';
import { nodeLocalDnsDown } from './node-local-dns-down.ts';
import { nodeNameMismatch } from './node-name-mismatch.ts';
import { nodeUnreachable } from './node-unreachable.ts';
import { oddNodeOut } from './odd-node-out.ts';
import { orphanVeth } from './orphan-veth.ts';
import { orphanedChains } from './orphaned-chains.ts';
import { peerFdbMissing } from './peer-fdb-missing.ts';
import { peerRouteMissing } from './peer-route-missing.ts';
import { podAddressMismatch } from './pod-address-mismatch.ts';
import { podCidrMismatch } from './pod-cidr-mismatch.ts';
import { podCidrOverlap } from './pod-cidr-overlap.ts';
import { podDefaultRoute } from './pod-default-route.ts';
import { podRouteMisdirected } from './pod-route-misdirected.ts';
import { podUnwired } from './pod-unwired.ts';
import { podWithoutIp } from './pod-without-ip.ts';
import { policyBlocksProbes } from './policy-blocks-probes.ts';
import { policyDeniesDns } from './policy-denies-dns.ts';
import { policyNotEnforced } from './policy-not-enforced.ts';
import { policyPortAfterDnat } from './policy-port-after-dnat.ts';
import { policySelectsNothing } from './policy-selects-nothing.ts';
import { proxyDown } from './proxy-down.ts';
import { proxyStalled } from './proxy-stalled.ts';
import { proxySyncFailing } from './proxy-sync-failing.ts';
import { rejectedService } from './rejected-service.ts';
import { rpFilterStrict } from './rp-filter-strict.ts';
import { sandboxFailing } from './sandbox-failing.ts';
import { serviceSelectsNothing } from './service-selects-nothing.ts';
import { sourceRangeMismatch } from './source-range-mismatch.ts';
import { staleConntrack } from './stale-conntrack.ts';
import { staleEndpoint } from './stale-endpoint.ts';
import { staleService } from './stale-service.ts';
import { topologySkew } from './topology-skew.ts';
import { tunnelDown } from './tunnel-down.ts';
import { unevenBalance } from './uneven-balance.ts';
import { unreadableRules } from './unreadable-rules.ts';
import { unrejectedService } from './unrejected-service.ts';
import { vtepMacDrift } from './vtep-mac-drift.ts';
import { vxlanChecksumOffload } from './vxlan-checksum-offload.ts';
import { xtablesLock } from './xtables-lock.ts';

export const checks: readonly Check[] = [
  cniConfigMissing,
  cniConfigAmbiguous,
  cniPluginMissing,
  ipamLeak,
  podRouteMisdirected,
  orphanVeth,
  sandboxFailing,
  podWithoutIp,
  podUnwired,
  podAddressMismatch,
  podDefaultRoute,
  duplicatePodIp,
  hairpinOff,
  tunnelDown,
  bgpDown,
  vtepMacDrift,
  blackholeRoute,
  ipForwardOff,
  bridgeNetfilterOff,
  rpFilterStrict,
  peerRouteMissing,
  peerFdbMissing,
  podCidrOverlap,
  podCidrMismatch,
  mtuLadder,
  vxlanChecksumOffload,
  nodeUnreachable,
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
  dnsNoEndpoints,
  dnsForwardLoop,
  dnsVipFailing,
  nodeLocalDnsDown,
  dnsReplicaFailing,
  dnsUpstreamFailing,
  dnsConfigMismatch,
  dnsSearchAmplification,
  policyNotEnforced,
  policyDeniesDns,
  policyPortAfterDnat,
  firstPolicyIsolates,
  policySelectsNothing,
  policyBlocksProbes,
  matrixMismatch,
];
