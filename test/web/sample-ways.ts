/** What a small cluster answers about ways: one that breaks at L3, and who reaches whom. */
import type { Diagnosis, DiagnosisStep } from '../../aggregator/model/diagnosis.ts';
import type { Matrix, MatrixGrid, MatrixPair } from '../../aggregator/model/matrix.ts';

const remedy = {
  command: 'kubectl -n kube-system delete pod --field-selector spec.nodeName=node-b -l k8s-app=kube-proxy',
  effect: 'Restarts kube-proxy on node-b: its first sync writes every chain anew.',
};

function passes(step: Pick<DiagnosisStep, 'layer' | 'what' | 'sentence'> & Partial<DiagnosisStep>): DiagnosisStep {
  return {
    direction: 'there',
    verdict: 'pass',
    node: 'node-b',
    evidence: [],
    ageSeconds: 12,
    remediation: [],
    finding: null,
    ...step,
  };
}

/** @param fingerprint of the finding that says the same as the broken step. */
export function sampleDiagnosis(fingerprint: string): Diagnosis {
  const steps = [
    passes({ layer: 'L1', what: "the pod's interface", sentence: 'eth0 of shop/cart-0 is up, and so is veth4f1.' }),
    passes({
      layer: 'L2',
      what: 'route to node-a',
      sentence: '10.244.1.0/24 goes through flannel.1 to node-a.',
    }),
    passes({
      layer: 'L2',
      direction: 'back',
      what: 'route to node-b',
      sentence: '10.244.2.0/24 goes through flannel.1 to node-b.',
      node: 'node-a',
    }),
    passes({
      layer: 'L3',
      verdict: 'fail',
      what: "kube-proxy's rules on node-b",
      sentence: 'node-b forwards shop/web to 10.244.1.9:8080, which no pod has.',
      evidence: [
        {
          kind: 'forwarding',
          frontend: 'tcp 10.96.0.1:80',
          wanted: 'forward to 10.244.1.2:8080',
          real: 'forward to 10.244.1.2:8080, 10.244.1.9:8080',
        },
        { kind: 'rule', table: 'nat', rule: '-A KUBE-SVC-WEB -j KUBE-SEP-OLD', note: 'half of the connections' },
      ],
      remediation: [remedy],
      finding: { fingerprint, check: 'stale-endpoint' },
    }),
    passes({
      layer: 'L5',
      verdict: 'unknown',
      what: 'policies on the way',
      sentence: 'CiliumNetworkPolicy shop/web is not judged.',
      node: null,
      ageSeconds: null,
    }),
  ];
  return {
    from: {
      ...{ text: 'pod/shop/cart-0', kind: 'pod', namespace: 'shop', name: 'cart-0' },
      ...{ addresses: ['10.244.2.7'], node: 'node-b' },
    },
    to: {
      ...{ text: 'svc/shop/web:http', kind: 'service', namespace: 'shop', name: 'web' },
      ...{ addresses: ['10.96.0.1'], node: null },
    },
    protocol: 'tcp',
    port: 80,
    verdict: 'broken',
    sentence: 'L3 breaks on node-b: half of the connections to shop/web go to 10.244.1.9:8080, which no pod has.',
    firstBroken: { layer: 'L3', step: 3 },
    remediation: [remedy],
    layers: [
      { layer: 'L1', verdict: 'pass', sentence: 'Both pods have an interface that is up.' },
      { layer: 'L2', verdict: 'pass', sentence: 'node-b and node-a reach each other.' },
      { layer: 'L3', verdict: 'fail', sentence: 'node-b forwards shop/web to a pod that is gone.' },
      { layer: 'L4', verdict: 'not-looked-at', sentence: 'No name was asked for.' },
      { layer: 'L5', verdict: 'unknown', sentence: 'CiliumNetworkPolicy shop/web is not judged.' },
    ],
    steps,
    hops: [
      { direction: 'there', node: 'node-b', link: 'eth0 of shop/cart-0', does: 'leaves the pod', rule: null },
      {
        ...{ direction: 'there', node: 'node-b', link: null },
        does: 'DNAT 10.96.0.1:80 to 10.244.1.9:8080',
        rule: '-A KUBE-SEP-OLD -p tcp -m tcp -j DNAT --to-destination 10.244.1.9:8080',
      },
      {
        ...{ direction: 'there', node: 'node-b', link: 'flannel.1' },
        does: 'route 10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink',
        rule: null,
      },
      { direction: 'there', node: null, link: null, does: 'VXLAN 1 to 192.0.2.10, port 8472', rule: null },
      { direction: 'back', node: 'node-a', link: 'flannel.1', does: 'route 10.244.2.0/24', rule: null },
    ],
  };
}

function pair(from: string, to: string, rest: Partial<MatrixPair> = {}): MatrixPair {
  return { from, to, protocol: 'tcp', ports: [80], allowed: true, decidedBy: ['no policy'], observed: null, ...rest };
}

const workloads = ['deployment/shop/cart', 'deployment/shop/web', 'statefulset/db/pg'];
const notJudged = ['CiliumNetworkPolicy shop/web'];

/** @param fingerprint of the finding that explains what differs. */
export function sampleMatrix(fingerprint: string): Matrix {
  const pairs = [
    pair('deployment/shop/cart', 'svc/shop/web', {
      observed: {
        ...{ result: 'mixed', probes: 20, answered: 11, nodes: ['node-b'], differs: true },
        explainedBy: { layer: 'L3', finding: fingerprint, because: 'node-b forwards shop/web to a pod that is gone' },
      },
    }),
    pair('statefulset/db/pg', 'svc/shop/web', { allowed: false, decidedBy: ['db/default-deny egress'] }),
    pair('deployment/shop/web', 'statefulset/db/pg', {
      ...{ protocol: 'udp', ports: [53, 5353], allowed: false, decidedBy: ['db/default-deny ingress'] },
    }),
  ];
  const named = workloads.map((ref) => ({ ref, namespace: ref.split('/')[1] ?? '', pods: 2 }));
  return { workloads: named, pairs, total: 3, notJudged, unknownBecause: [] };
}

/** `cart` differs at `svc/shop/web`; `pg` may reach nothing; one pair is not known, one has different answers. */
export const sampleGrid: MatrixGrid = {
  rows: workloads,
  columns: ['svc/shop/web', 'statefulset/db/pg', 'svc/shop/typo'],
  cells: ['!.-', '.~?', 'x.-'],
  hidden: 4,
  notJudged,
  unknownBecause: ['nothing is known of 2 pods of shop/web'],
};

/** A quarter of a million pairs, with something of every letter in every row. */
export function largeGrid(ends = 500): MatrixGrid {
  const names = Array.from({ length: ends }, (_, at) => `deployment/space-${at % 20}/web-${at}`);
  const letters = '....x....~...-..?';
  const cells = names.map((_, row) =>
    names.map((__, column) => letters[(row * 7 + column) % letters.length] ?? '.').join(''),
  );
  return { ...sampleGrid, rows: names, columns: names, cells, hidden: 0 };
}
