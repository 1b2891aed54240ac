import { describe, expect, it } from 'vitest';
import { readMetrics } from './kube-proxy-metrics.ts';

const nothing = {
  version: null,
  believedRules: [],
  lastSync: [],
  lastQueued: [],
  syncFailures: [],
  serviceChanges: null,
  endpointChanges: null,
  programmingP99Seconds: null,
  syncP99Seconds: null,
  unreadableLines: 0,
};
const rules = 'kubeproxy_sync_proxy_rules';
const programming = 'kubeproxy_network_programming_duration_seconds';

describe('metrics', () => {
  it('of a kube-proxy that does not tell families apart leave out whose times and rules they are, and keep counts', () => {
    const body = [
      '# HELP kubernetes_build_info [BETA] text',
      'kubernetes_build_info{git_version="v1.24.0",major="1"} 1',
      `${rules}_iptables_total{table="nat"} 5`,
      `${rules}_last_timestamp_seconds 1.7e+09`,
      `${rules}_endpoint_changes_total 12`,
      `${rules}_iptables_restore_failures_total 2`,
      `${programming}_bucket{le="0.25"} 1`,
      `${programming}_bucket{le="0.5"} 4`,
      `${programming}_bucket{le="+Inf"} 4`,
      '',
    ].join('\n');
    expect(readMetrics(body)).toEqual({
      ...nothing,
      version: 'v1.24.0',
      endpointChanges: 12,
      syncFailures: [{ family: null, what: 'iptables-restore', total: 2 }],
      programmingP99Seconds: 0.5,
    });
  });

  it('are read to the last line though its newline is missing', () => {
    const body = `${rules}_last_timestamp_seconds{ip_family="IPv6"} 12`;
    expect(readMetrics(body).lastSync).toEqual([{ family: 'ipv6', seconds: 12 }]);
  });

  it('tell what failed, for each family', () => {
    const body = [
      `${rules}_iptables_restore_failures_total{ip_family="IPv4"} 3`,
      `${rules}_iptables_partial_restore_failures_total{ip_family="IPv4"} 1`,
      `${rules}_iptables_partial_restore_failures_total{ip_family="IPv6"} 0`,
      `${rules}_nftables_sync_failures_total{ip_family="IPv6"} 7`,
      `${rules}_nftables_cleanup_failures_total{ip_family="IPv6"} 2`,
    ].join('\n');
    expect(readMetrics(body).syncFailures).toEqual([
      { family: 'ipv4', what: 'iptables-restore', total: 3 },
      { family: 'ipv4', what: 'iptables-partial-restore', total: 1 },
      { family: 'ipv6', what: 'iptables-partial-restore', total: 0 },
      { family: 'ipv6', what: 'nftables-sync', total: 7 },
      { family: 'ipv6', what: 'nftables-cleanup', total: 2 },
    ]);
  });

  it('tell of both families the slower one', () => {
    const body = ['IPv4', 'IPv6'].flatMap((family) => [
      `${programming}_bucket{ip_family="${family}",le="1"} ${family === 'IPv4' ? 30 : 0}`,
      `${programming}_bucket{ip_family="${family}",le="60"} 30`,
      `${programming}_bucket{ip_family="${family}",le="+Inf"} 30`,
    ]);
    expect(readMetrics(body.join('\n')).programmingP99Seconds).toBe(60);
  });

  it('that make no sense are counted, and nothing is made of them', () => {
    const body = [
      `${rules}_endpoint_changes_total -1`,
      `${rules}_service_changes_total NaN`,
      `${rules}_iptables_restore_failures_total -2`,
      `${rules}_iptables_restore_failures_total 0.5`,
      `${rules}_iptables_total{ip_family="IPv4",table="nat"} -1`,
      `${rules}_last_timestamp_seconds{ip_family="IPv4"} -1`,
      `${programming}_bucket{le="x"} 1`,
      `${programming}_bucket 1`,
    ].join('\n');
    expect(readMetrics(body)).toEqual({ ...nothing, unreadableLines: 8 });
  });

  it('of others are passed over unread', () => {
    expect(readMetrics('go_threads{damaged\n')).toEqual(nothing);
  });

  it('tell within what time nearly all syncs were done', () => {
    const body = [
      `${rules}_duration_seconds_bucket{ip_family="IPv4",le="4.096"} 98`,
      `${rules}_duration_seconds_bucket{ip_family="IPv4",le="8.192"} 100`,
      `${rules}_duration_seconds_bucket{ip_family="IPv4",le="+Inf"} 100`,
      `${rules}_duration_seconds_sum{ip_family="IPv4"} 31.5`,
      `${rules}_duration_seconds_count{ip_family="IPv4"} 100`,
    ];
    expect(readMetrics(body.join('\n'))).toEqual({ ...nothing, syncP99Seconds: 8.192 });
  });

  it('with ten thousand families more are no more than those of the two and of none', () => {
    const lines = Array.from(
      { length: 10_000 },
      (_, index) => `${rules}_iptables_restore_failures_total{ip_family="x${index}"} 1`,
    );
    expect(readMetrics(lines.join('\n')).syncFailures).toEqual([{ family: null, what: 'iptables-restore', total: 1 }]);
  });
});
