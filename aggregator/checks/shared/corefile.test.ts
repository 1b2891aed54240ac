/** Corefiles as they are published, and what is no Corefile. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Corefile, type CorefilePlugin, clusterCorefile, nodeLocalCorefile, readCorefile } from './corefile.ts';

const at = (line: number, file = 'Corefile') => ({ file, line });

/** Each server as `zones :ports`, with what its plugins are. */
function shape({ servers }: Corefile): readonly string[] {
  return servers.map(
    ({ zones, ports, plugins }) => `${zones.join(' ')} :${ports.join(' ')} ${plugins.map(pluginName).join(' ')}`,
  );
}

function pluginName(plugin: CorefilePlugin): string {
  return plugin.kind === 'other' ? plugin.name : plugin.kind.toUpperCase();
}

const nothingUnread = { unread: [], unreadMore: 0, problem: null };

/** kubernetes/kubernetes, cmd/kubeadm/app/phases/addons/dns/manifests.go, for the domain cluster.local. */
const kubeadm = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`;

/** k3s-io/k3s, manifests/coredns.yaml; AKS has the same with \`import custom/*.override\`. */
const k3s = `.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
      pods insecure
      fallthrough in-addr.arpa ip6.arpa
    }
    hosts /etc/coredns/NodeHosts {
      ttl 60
      reload 15s
      fallthrough
    }
    prometheus :9153
    cache 30
    loop
    reload
    loadbalance
    import /etc/coredns/custom/*.override
    forward . /etc/resolv.conf
}
import /etc/coredns/custom/*.server
`;

/** kubernetes/kubernetes, cluster/addons/dns/nodelocaldns/nodelocaldns.yaml: two of its blocks, as clusters hold them. */
const nodeLocal = `cluster.local:53 {
    errors
    cache {
            success 9984 30
            denial 9984 5
    }
    reload
    loop
    bind 169.254.20.10 10.96.0.10
    forward . __PILLAR__CLUSTER__DNS__ {
            force_tcp
    }
    prometheus :9253
    health 169.254.20.10:8080
    }
.:53 {
    errors
    cache 30
    reload
    loop
    bind 169.254.20.10 10.96.0.10
    forward . __PILLAR__UPSTREAM__SERVERS__
    prometheus :9253
    }
`;

describe('a Corefile', () => {
  it('of kubeadm answers for the cluster and forwards the rest', () => {
    const corefile = readCorefile({ Corefile: kubeadm });
    expect(shape(corefile)).toEqual([
      '. :53 errors health ready KUBERNETES prometheus FORWARD CACHE LOOP reload loadbalance',
    ]);
    expect(corefile.servers[0]?.plugins.filter(({ kind }) => kind === 'kubernetes' || kind === 'forward')).toEqual([
      {
        kind: 'kubernetes',
        place: at(7),
        zones: ['cluster.local', 'in-addr.arpa', 'ip6.arpa'],
        pods: 'insecure',
        fallthrough: ['in-addr.arpa', 'ip6.arpa'],
      },
      {
        kind: 'forward',
        place: at(13),
        from: '.',
        to: [{ kind: 'file', path: '/etc/resolv.conf' }],
        except: [],
        forceTcp: false,
        preferUdp: false,
        policy: 'random',
        maxFails: 2,
      },
    ]);
    expect(corefile).toMatchObject(nothingUnread);
  });

  it('of k3s takes in what its owner added, each line with the file that it stands in', () => {
    const custom = {
      'corp.server': 'corp.example:53 {\n  forward . 10.0.0.53\n}\n',
      'log.override': 'log\n',
      'notes.txt': 'nothing of it is imported {',
    };
    const corefile = clusterCorefile([
      { namespace: 'kube-system', name: 'coredns', files: { Corefile: k3s, NodeHosts: '10.0.0.1 node-a' } },
      { namespace: 'kube-system', name: 'coredns-custom', files: custom },
    ]);
    if (corefile === null) throw new Error('there is one');
    expect(shape(corefile)).toEqual([
      '. :53 errors health ready KUBERNETES HOSTS prometheus CACHE LOOP reload loadbalance log FORWARD',
      'corp.example :53 FORWARD',
    ]);
    expect(corefile.servers[0]?.plugins[4]).toEqual({
      kind: 'hosts',
      place: at(9),
      file: '/etc/coredns/NodeHosts',
      fallthrough: [],
    });
    expect(corefile.servers[1]?.plugins[0]?.place).toEqual(at(2, 'custom/corp.server'));
    expect(corefile).toMatchObject(nothingUnread);
  });

  it('of NodeLocal DNSCache binds its addresses and leaves its targets to the start', () => {
    const files = { Corefile: nodeLocal };
    const corefile = nodeLocalCorefile([{ namespace: 'kube-system', name: 'node-local-dns', files }]);
    if (corefile === null) throw new Error('there is one');
    expect(shape(corefile)).toEqual([
      'cluster.local :53 errors CACHE reload LOOP BIND FORWARD prometheus health',
      '. :53 errors CACHE reload LOOP BIND FORWARD prometheus',
    ]);
    const [cluster, rest] = corefile.servers.map(({ plugins }) => plugins.find(({ kind }) => kind === 'forward'));
    expect(cluster).toMatchObject({ forceTcp: true, to: [{ kind: 'placeholder', text: '__PILLAR__CLUSTER__DNS__' }] });
    expect(rest).toMatchObject({ to: [{ kind: 'placeholder', text: '__PILLAR__UPSTREAM__SERVERS__' }] });
    expect(corefile).toMatchObject(nothingUnread);
  });

  it('of RKE2 stands in a ConfigMap of another name', () => {
    const files = { Corefile: kubeadm };
    const found = clusterCorefile([{ namespace: 'kube-system', name: 'rke2-coredns-rke2-coredns', files }]);
    expect(found).toEqual(readCorefile(files));
  });

  it('of a cluster without one is none', () => {
    expect(clusterCorefile([])).toBe(null);
    expect(clusterCorefile([{ namespace: 'kube-system', name: 'coredns', files: {} }])).toBe(null);
    expect(nodeLocalCorefile([])).toBe(null);
  });
});

describe('a forward', () => {
  const forwardOf = (line: string) => readCorefile({ Corefile: `. {\n${line}\n}` }).servers[0]?.plugins[0];

  it('names servers by address, port and transport', () => {
    expect(
      forwardOf('forward . 10.0.0.2 10.0.0.3:5353 [fd00::2]:53 fd00::3 tls://1.1.1.1 tls://9.9.9.9%dns.q'),
    ).toMatchObject({
      to: [
        { kind: 'server', transport: 'dns', address: '10.0.0.2', port: 53 },
        { kind: 'server', transport: 'dns', address: '10.0.0.3', port: 5353 },
        { kind: 'server', transport: 'dns', address: 'fd00::2', port: 53 },
        { kind: 'server', transport: 'dns', address: 'fd00::3', port: 53 },
        { kind: 'server', transport: 'tls', address: '1.1.1.1', port: 853 },
        { kind: 'server', transport: 'tls', address: '9.9.9.9', port: 853 },
      ],
    });
  });

  it('has its options', () => {
    const options =
      'except Corp.Example. lan\n force_tcp\n policy sequential\n max_fails 0\n health_check 5s\n next NXDOMAIN';
    expect(forwardOf(`forward example.org. 10.0.0.2 {\n${options}\n}`)).toEqual({
      kind: 'forward',
      place: at(2),
      from: 'example.org',
      to: [{ kind: 'server', transport: 'dns', address: '10.0.0.2', port: 53 }],
      except: ['corp.example', 'lan'],
      forceTcp: true,
      preferUdp: false,
      policy: 'sequential',
      maxFails: 0,
    });
  });

  it('to what is no address goes to nobody knows where', () => {
    expect(forwardOf('forward . dns.example {$UPSTREAM}')).toMatchObject({
      to: [
        { kind: 'unknown', text: 'dns.example' },
        { kind: 'unknown', text: '{$UPSTREAM}' },
      ],
    });
  });
});

describe('the words of a Corefile', () => {
  it('are parted by comments, quotes, commas and lines', () => {
    const text = `# the first line
Example.ORG., dns://example.net:1053,
    10.0.0.0/24 tls://secure.example { # several
  template ANY A "with space" { match "a \\"b" # not this
    answer "x"
  }
  rewrite stop name regex (.*)\\.old {1}.new
  autopath @kubernetes
  bind lo
}`;
    const corefile = readCorefile({ Corefile: text });
    expect(corefile.servers).toEqual([
      {
        place: at(2),
        zones: ['example.org', 'example.net', '10.0.0.0/24', 'secure.example'],
        ports: [53, 1053, 853],
        plugins: [
          { kind: 'template', place: at(4), text: 'template ANY A with space; match a "b; answer x' },
          { kind: 'rewrite', place: at(7), text: 'rewrite stop name regex (.*)\\.old {1}.new' },
          { kind: 'autopath', place: at(8), zones: [], by: '@kubernetes' },
          { kind: 'bind', place: at(9), to: ['lo'] },
        ],
      },
    ]);
    expect(corefile).toMatchObject(nothingUnread);
  });

  it('need no braces where there is one server alone', () => {
    expect(shape(readCorefile({ Corefile: 'example.org\nerrors\nforward . 10.0.0.2\n' }))).toEqual([
      'example.org :53 errors FORWARD',
    ]);
  });

  it('of a snippet stand wherever it is imported', () => {
    const text = '(common) {\n  errors\n  cache 30\n}\n. {\n  import common\n}\nlan {\n  import common\n  loop\n}';
    expect(shape(readCorefile({ Corefile: text }))).toEqual(['. :53 errors CACHE', 'lan :53 errors CACHE LOOP']);
  });
});

describe('what is not understood', () => {
  const unread = (Corefile: string) =>
    readCorefile({ Corefile }).unread.map(({ place, text, because }) => `${place.line}: ${text}: ${because}`);

  it.each([
    ['. {\n dnssec\n}', '2: dnssec: what this plugin does to answers is not known'],
    ['. {\n kubernetes {\n  namespaces a b\n }\n}', '3: namespaces a b: this option of kubernetes is not understood'],
    ['. {\n kubernetes {\n  pods some\n }\n}', '3: pods some: this option of kubernetes is not understood'],
    ['. {\n forward . {$UP}\n}', '2: forward . {$UP}: a variable of the environment stands here'],
    ['{$ZONE} {\n errors\n}', '1: {$ZONE}: a variable of the environment stands in the zone'],
    ['import /opt/*.conf', '1: import /opt/*.conf: what lies in this folder is in no ConfigMap that is read'],
    ['import Missing', '1: import Missing: this file is in no ConfigMap that is read'],
    ['import custom/[ab].server', '1: import custom/[ab].server: such patterns are not understood'],
    ['. {\n (left out)\n errors\n}', '2: (left out): it was left out, since it may hold a secret'],
  ])('in %j is listed', (text, line) => {
    expect(unread(text)).toEqual([line]);
  });

  it('is counted beyond a hundred', () => {
    const corefile = readCorefile({ Corefile: `. {\n${'dnssec\n'.repeat(250)}}` });
    expect([corefile.unread.length, corefile.unreadMore]).toEqual([100, 150]);
  });
});

describe('a problem', () => {
  it.each([
    ['. {\n errors\n', 1, 'this block is not closed'],
    ['. {\n errors\n}\n}\n', 4, 'this brace closes nothing'],
    ['. {\n errors }\n}', 2, 'this brace closes nothing'],
    ['. {\n cache 30 {\n  prefetch 2\n}\n', 1, 'this block is not closed'],
    ['{\n errors\n}', 1, 'this block has no zone'],
    ['. {\n {\n}\n}', 2, 'this brace belongs to no plugin'],
    ['(a) {\n errors\n', 1, 'the snippet (a) is not closed'],
    ['(a) {\n errors\n}\n(a) {\n}\n', 4, 'the snippet (a) is there twice'],
    ['. {\n import\n}', 2, 'import takes one name, pattern or snippet'],
    ['import Corefile', 1, 'there are more than 1000 imports: some of them go round in a circle'],
    ['(a) {\n import a\n}\nimport a', 2, 'there are more than 1000 imports: some of them go round in a circle'],
  ])('with %j is told with its line', (text, line, because) => {
    expect(readCorefile({ Corefile: text }).problem).toEqual({ place: at(line), because });
  });

  it('leaves the servers before it', () => {
    const corefile = readCorefile({ Corefile: '. {\n errors\n}\nlan {\n' });
    expect([shape(corefile), corefile.problem?.place]).toEqual([['. :53 errors'], at(4)]);
  });

  it('with more words than any Corefile has is told', () => {
    const { problem } = readCorefile({ Corefile: 'word\n'.repeat(50_001) });
    expect(problem).toEqual({ place: at(50_001), because: 'it has more than 50000 words with all that it imports' });
  });

  it.each([
    ['', [], null],
    ['"', [], 'this block has no zone'],
    ['"{', [], 'this block has no zone'],
    ['(', ['( :53 '], null],
    ['# {', [], null],
    ['. lan.', ['. lan :53 '], null],
    [', ,', [], 'this block has no zone'],
    ['constructor://lan {\n}', ['lan :53 '], null],
  ])('or none: %j', (Corefile, servers, because) => {
    const corefile = readCorefile({ Corefile });
    expect([shape(corefile), corefile.problem?.because ?? null]).toEqual([servers, because]);
  });

  it('whatever the words are, stands in a line of the file, and so does all that was read', () => {
    const word = fc.constantFrom(
      '{',
      '}',
      'import',
      '(a)',
      'a',
      '.',
      '"',
      '#',
      'forward',
      'kubernetes',
      '\n',
      '\n',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (words) => {
        const text = words.join(' ');
        const { servers, unread, problem } = readCorefile({ Corefile: text });
        const places = [...servers, ...servers.flatMap(({ plugins }) => plugins), ...unread].map(({ place }) => place);
        const lines = [...places, ...(problem === null ? [] : [problem.place])].map(({ line }) => line);
        expect(lines.filter((line) => line < 1 || line > text.split('\n').length)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
