/** What is not known of a node, as a whole and layer by layer. */
import { describe, expect, it } from 'vitest';
import type { NodeParts, Part } from '../../proto/parts.ts';
import { counters, flannelFiles, link, listed, routes, settings } from '../../test/network-builders.ts';
import { dnsReport } from '../../test/dns-node.ts';
import { everyone, forwardTo, nodeView, objects, reported } from '../../test/view-builders.ts';
import { checks } from '../checks/index.ts';
import { failedNeeds, layerStatuses, unknownReasons } from './unknown-reasons.ts';

const failed: Part<never> = { state: 'failed', reason: 'not permitted' };
const absent: Part<never> = { state: 'absent' };

/** A node on which everything was read that every node has; no tunnel, no BIRD, no probes. */
const whole: Partial<NodeParts> = {
  addresses: reported({ addresses: [], links: ['eth0'] }),
  links: reported({ links: listed([link('eth0')]) }),
  routes: reported(routes([])),
  neighbours: reported({ neighbours: listed([]), entries: listed([]) }),
  networkSettings: reported(settings()),
  networkCounters: reported(counters()),
  cni: reported(flannelFiles),
  podNetworks: reported({ pods: listed([]), unread: 0, problem: null }),
  dns: reported(dnsReport()),
};

const allKnown = { pods: [], namespaces: [], networkPolicies: [] };

function view(parts: Partial<NodeParts> = {}, known: Parameters<typeof objects>[0] = allKnown) {
  const served = everyone(forwardTo('10.244.1.2:8080'));
  const table = [['tcp 10.96.0.1:80', served]] as const;
  return nodeView({ desired: table, observed: table, parts: { ...whole, ...parts }, objects: objects(known) });
}

/** `L1 known`, or `L2 unknown: links: not permitted`. */
function layersOf(...given: Parameters<typeof view>): readonly string[] {
  return layerStatuses(view(...given), checks).map(({ layer, state, because }) =>
    [`${layer} ${state}`, ...because].join(': '),
  );
}

describe('the layers of a node', () => {
  it('are known where all was read that it has', () => {
    expect(layersOf()).toEqual(['L1 known', 'L2 known', 'L3 known', 'L4 known', 'L5 known']);
    expect(unknownReasons(view())).toEqual([]);
  });

  it.each(['bird', 'flannel', 'offloads', 'probes', 'sandboxes'] as const)(
    'lack nothing where there is no %s on it, and are not known where that could not be read',
    (name) => {
      expect(layersOf({ [name]: absent })).toEqual(['L1 known', 'L2 known', 'L3 known', 'L4 known', 'L5 known']);
      const layer = name === 'sandboxes' ? 'L1' : 'L2';
      expect(layersOf({ [name]: failed })).toContain(`${layer} unknown: ${name}: not permitted`);
    },
  );

  it('are not known where a check could not be asked because a part failed', () => {
    expect(layersOf({ cni: failed })).toEqual([
      'L1 unknown: cni: not permitted',
      'L2 unknown: cni: not permitted',
      'L3 known',
      'L4 known',
      'L5 known',
    ]);
    expect(layersOf({ podNetworks: failed })).toEqual([
      'L1 unknown: podNetworks: not permitted',
      'L2 known',
      'L3 known',
      'L4 known',
      'L5 known',
    ]);
    expect(layersOf({ networkSettings: failed, neighbours: failed })).toEqual([
      'L1 known',
      'L2 unknown: neighbours: not permitted: networkSettings: not permitted',
      'L3 known',
      'L4 known',
      'L5 known',
    ]);
  });

  it('were not looked at where a part is not reported that every node has', () => {
    expect(layersOf({ podNetworks: absent })).toEqual([
      'L1 not-looked-at: not reported: podNetworks',
      'L2 known',
      'L3 known',
      'L4 known',
      'L5 known',
    ]);
    const all = { links: absent, routes: absent, cni: absent };
    expect(layersOf(all)[1]).toBe('L2 not-looked-at: not reported: cni, links, routes');
  });

  it('are not known while the pods of the API are not', () => {
    expect(layersOf({}, {})[0]).toBe('L1 unknown: the pods of the API are not known');
  });

  it('are known without events: their owner need not grant them', () => {
    expect(layersOf({}, { ...allKnown, podEvents: null })).toEqual([
      'L1 known',
      'L2 known',
      'L3 known',
      'L4 known',
      'L5 known',
    ]);
  });

  it('of Services are not known where its rules are not, whatever else is', () => {
    expect(layersOf({ iptables: failed })[2]).toBe('L3 unknown: iptables: not permitted');
  });

  it('of policies are not known where the API does not tell them', () => {
    expect(layersOf({}, { pods: [], namespaces: [] })[4]).toBe(
      'L5 unknown: the NetworkPolicies of the API, or what they speak of, are not known',
    );
  });
});

describe('a node', () => {
  it('is not known with each part that failed and decides over pods', () => {
    expect(unknownReasons(view({ routes: failed, probes: failed }))).toEqual([
      'routes: not permitted',
      'probes: not permitted',
    ]);
  });

  it('is known without what decides nothing by itself', () => {
    expect(unknownReasons(view({ networkCounters: failed, offloads: failed, conntrack: failed }))).toEqual([]);
  });
});

describe('what a check lacks', () => {
  it('is named of its needs alone', () => {
    const seen = view({ routes: failed, links: failed, cni: absent });
    expect(failedNeeds(seen, ['links', 'cni', 'pods', 'drift'])).toEqual(['links: not permitted']);
    expect(failedNeeds(seen, ['probes'])).toEqual([]);
  });
});
