import { describe, expect, it } from 'vitest';
import { movedAnswer, recordedAt } from './recorded-answers.ts';

const hourMs = 3_600_000;

describe('an answer of health that was recorded', () => {
  const healthz = [
    'HTTP/1.1 200 OK\r',
    'Content-Type: application/json\r',
    'Date: Sun, 22 Nov 2026 07:31:37 GMT\r',
    'Content-Length: 98\r',
    '\r',
    '{"lastUpdated":"2026-11-22T07:31:37.139129456Z","healthy":true,"nodeEligible":true}',
  ].join('\n');

  it('says when it was given', () => {
    expect([recordedAt(healthz), recordedAt('no answer within 3 s\n')]).toEqual([
      Date.parse('2026-11-22T07:31:37Z'),
      null,
    ]);
  });

  it('given later has later times, and is the same for the rest', () => {
    expect(movedAnswer(healthz, 2 * hourMs)).toBe(
      healthz.replace('07:31:37 GMT', '09:31:37 GMT').replace('07:31:37.139129456Z', '09:31:37.139Z'),
    );
  });
});

describe('metrics that were recorded', () => {
  it('given later have later times; counts and times that never were stay', () => {
    const metrics = (synced: string) =>
      [
        '# HELP kubeproxy_sync_proxy_rules_last_timestamp_seconds The last time proxy rules were synced',
        `kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"} ${synced}`,
        'kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{ip_family="IPv4"} 0',
        'kubeproxy_sync_proxy_rules_service_changes_total 80',
        '',
      ].join('\n');
    expect(movedAnswer(metrics('1.7953325e+09'), hourMs)).toBe(metrics('1795336100'));
  });
});
