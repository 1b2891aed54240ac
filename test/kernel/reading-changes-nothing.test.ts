/** Invariant: the agent leaves the node as it found it, whatever is loaded there, and most of all where nothing is. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { localHost } from '../../agent/host.ts';
import { observe } from '../../agent/observe.ts';
import { printWritten } from '../property/written-rules.ts';
import { recordedNftRules } from './lab-nft-rules.ts';
import { labRules, podRange } from './lab-rules.ts';
import { makeCounters, trackFlow } from './loaded-rules.ts';
import { makeNamespace, mustRunIn, removeAbandoned, removeNamespace, whyNotHere } from './namespaces.ts';
import { nodeState } from './node-state.ts';

const { rules } = labRules(podRange);
const text = printWritten(rules);

describe('a node that is observed twice', () => {
  let namespace = '';

  beforeAll(() => {
    const obstacle = whyNotHere([
      'iptables-nft-restore',
      'iptables-legacy-restore',
      'nft',
      'nfacct',
      'conntrack',
      'ipset',
      'ss',
      'sysctl',
    ]);
    if (obstacle !== null) throw new Error(obstacle);
    removeAbandoned();
  });

  afterEach(() => removeNamespace(namespace));

  const situations: readonly {
    readonly name: string;
    readonly load: (node: string) => void;
    /** Of iptables, with kube-proxy's service rules in them. */
    readonly backends: number;
    readonly nftables?: 'ok';
  }[] = [
    { name: 'without any table', load: () => undefined, backends: 0 },
    {
      name: 'with rules in iptables-nft',
      load: (node) => mustRunIn(node, 'iptables-nft-restore', [], text),
      backends: 1,
    },
    {
      name: 'with rules in iptables-legacy',
      load: (node) => mustRunIn(node, 'iptables-legacy-restore', [], text),
      backends: 1,
    },
    {
      name: 'with rules in both backends',
      load: (node) => {
        mustRunIn(node, 'iptables-nft-restore', [], text);
        mustRunIn(node, 'iptables-legacy-restore', [], text);
      },
      backends: 2,
    },
    {
      name: "with kube-proxy's nftables rules",
      load: (node) => mustRunIn(node, 'nft', ['-f', '-'], recordedNftRules()),
      backends: 0,
      nftables: 'ok',
    },
    {
      name: 'with one legacy table and a set',
      load: (node) => {
        mustRunIn(node, 'iptables-legacy', ['-t', 'filter', '-A', 'INPUT', '-j', 'ACCEPT']);
        mustRunIn(node, 'ipset', ['create', 'others', 'hash:ip']);
      },
      backends: 0,
    },
  ];

  it.each(situations)('$name, is as it was', async ({ load, backends, nftables = 'absent' }) => {
    namespace = makeNamespace('unchanged');
    makeCounters(namespace);
    load(namespace);
    trackFlow(namespace);
    const before = nodeState(namespace);
    const host = localHost({ netns: namespace });
    const first = await observe(host);
    await observe(host);
    expect(nodeState(namespace)).toEqual(before);
    expect(first.parts.iptables.state).toBe('ok');
    const read = first.parts.iptables.state === 'ok' ? first.parts.iptables.value.serviceBackends : [];
    expect(read.length).toBe(backends);
    expect(first.parts.nftables.state).toBe(nftables);
  });

  it('would be seen to have changed, had reading made a table', () => {
    namespace = makeNamespace('changed');
    const before = nodeState(namespace);
    mustRunIn(namespace, 'iptables-legacy', ['-t', 'mangle', '-L']);
    expect(nodeState(namespace)).not.toEqual(before);
  });
});
