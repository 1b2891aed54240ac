/** The annotation plumbline.dev/accept. */
import { describe, expect, it } from 'vitest';
import { node, service } from '../../test/builders.ts';
import { finding } from '../../test/report-builders.ts';
import { acceptAnnotation, acceptedUntil } from './acceptance.ts';

const now = Date.parse('2026-11-22T08:00:00Z');
const stale = finding('stale-endpoint');

/** Until when the finding is accepted, where the Service, the node or the Namespace says this. */
function accepted(onService: string | null, onNode: string | null = null, onNamespace: string | null = null) {
  const annotations = (text: string | null) => (text === null ? {} : { [acceptAnnotation]: text });
  const owners = {
    service: { ...service('shop/web').built, annotations: annotations(onService) },
    namespace: { name: 'shop', labels: {}, annotations: annotations(onNamespace) },
    node: { ...node('node-b'), annotations: annotations(onNode) },
  };
  return acceptedUntil(stale, owners, now);
}

describe('a finding is accepted', () => {
  it('for as long as its Service, its Namespace or its node says', () => {
    expect(accepted('stale-endpoint')).toBe('always');
    expect(accepted('stale-endpoint, 2026-11-23T00:00:00Z')).toBe('2026-11-23T00:00:00.000Z');
    expect(accepted(null, 'proxy-down; stale-endpoint')).toBe('always');
    expect(accepted(null, null, 'stale-endpoint')).toBe('always');
    expect(accepted('stale-endpoint, 2026-11-23', 'stale-endpoint,2026-11-24')).toBe('2026-11-24T00:00:00.000Z');
  });

  it('not when the time is over, the check is another, or the time cannot be read', () => {
    expect(accepted('stale-endpoint, 2026-11-21T00:00:00Z')).toBeNull();
    expect(accepted('missing-endpoint')).toBeNull();
    expect(accepted('stale-endpoint, next week')).toBeNull();
    expect(accepted('')).toBeNull();
    expect(accepted(null)).toBeNull();
  });

  it('by nobody where none of them is known', () => {
    expect(acceptedUntil(stale, { service: null, namespace: null, node: null }, now)).toBeNull();
  });
});
