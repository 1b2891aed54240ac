/**
 * Recorded nodes that answer what was never recorded, in the form of the real programs: counters of rules, health check
 * node ports, the lock of iptables, and a cluster of ten nodes.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Host } from '../../agent/host.ts';
import { observe } from '../../agent/observe.ts';
import { recordedHost } from '../../agent/recorded-host.ts';
import { subjectText } from '../../aggregator/model/finding.ts';
import { readApiFolder } from '../../cli/audit/api-folder.ts';
import { judge } from '../../cli/audit/audit-nodes.ts';
import type { Audit } from '../../cli/audit/report.ts';
import { recordingFolder } from '../recordings.ts';
import { type Answering, type Change, toldBy } from './changed.ts';

const rules = 'iptables-nft-save.txt';
const nodeA = 's1-healthy/node-a';

describe('no-local-endpoint (edge/agent without its endpoint on node-a, and the rule that kube-proxy writes then)', () => {
  /** As in kube-proxy's own case of a Local policy without local endpoints; its chains go. */
  const drop =
    '-A KUBE-SERVICES -d 10.96.169.146/32 -p tcp -m comment --comment "edge/agent:http has no local endpoints" -m tcp --dport 8126 -j DROP\n';
  const own = /^(-A|:).*(edge\/agent:http|KUBE-SVL-LRBYVNAS7ROUATNS|KUBE-SEP-QHCZNR2HSWRMC5GR).*\n/gm;
  const change = {
    of: nodeA,
    files: { [rules]: (text: string) => text.replace(own, '').replace(/(?=COMMIT\n# .*\n# .*\n\*nat)/, drop) },
    api: {
      'endpointslices.json': (list: string) =>
        list.replace('"10.244.1.10"],', '"10.244.3.10"],').replace(agentOnA, agentOnC),
    },
    againAfterSeconds: 61,
  };

  it('is told while more and more packets to it are dropped', async () => {
    expect(await toldBy('no-local-endpoint', { ...change, host: counting(17, 59) })).toEqual([
      'medium edge/agent:http',
    ]);
  });

  it('is as asked for where nobody sends there', async () => {
    expect(await toldBy('no-local-endpoint', { ...change, host: counting(17, 17) })).toEqual([]);
  });
});

const agentOnA = /("10\.244\.3\.10"\][^}]*\}[^}]*\},"nodeName":)"node-a"/;
const agentOnC = '$1"node-c"';

/** Gives the drop's counter at one reading after the other. */
function counting(...totals: readonly number[]): Answering {
  let reading = -1;
  return (recorded): Host => {
    reading++;
    const total = totals[reading];
    return {
      ...recorded,
      run: async (command, onOutput) => {
        if (!command.args.includes('-c')) return recorded.run(command, onOutput);
        const pieces: Uint8Array[] = [];
        const result = await recorded.run({ ...command, args: [] }, (piece) => pieces.push(Uint8Array.from(piece)));
        const dump = Buffer.concat(pieces).toString('utf8');
        const filter = dump.slice(dump.lastIndexOf('#', dump.indexOf('*filter')), dump.indexOf('*nat'));
        const end = filter.lastIndexOf('# Generated');
        const table = filter.slice(0, end > 0 ? end : undefined);
        const counted = table
          .replaceAll(/^(?=-A)/gm, '[0:0] ')
          .replace(/^\[0:0\](?=.*no local)/m, `[${total}:${60 * (total ?? 0)}]`);
        onOutput(Buffer.from(counted));
        return result;
      },
    };
  };
}

describe('health-check-node-port (port 32000 of edge/ingress, of which one endpoint is on node-a)', () => {
  const answering =
    (status: number, localEndpoints: number, serviceProxyHealthy: boolean): Answering =>
    (recorded) => ({
      ...recorded,
      get: async (url, deadlineMs) => {
        if (url !== 'http://127.0.0.1:32000/') return recorded.get(url, deadlineMs);
        const body = { service: { namespace: 'edge', name: 'ingress' }, localEndpoints, serviceProxyHealthy };
        return { ok: true, status, body: JSON.stringify(body) };
      },
    });

  it('503 with no endpoint is told', async () => {
    expect(await toldBy('health-check-node-port', { of: nodeA, host: answering(503, 0, true) })).toEqual([
      'high edge/ingress',
    ]);
  });

  it('503 of a kube-proxy that calls itself unhealthy is the truth, and so is 200 with one', async () => {
    expect(await toldBy('health-check-node-port', { of: nodeA, host: answering(503, 1, false) })).toEqual([]);
    expect(await toldBy('health-check-node-port', { of: nodeA, host: answering(200, 1, true) })).toEqual([]);
  });
});

describe('xtables-lock (s1 node-b, whose rules are in iptables-legacy)', () => {
  const held = (program: string, parent: string): Change => {
    const files = new Map([
      [
        '/proc/locks',
        '3: FLOCK  ADVISORY  WRITE 4242 00:19:1345 0 EOF\n3: -> FLOCK  ADVISORY  WRITE 4250 00:19:1345 0 EOF\n',
      ],
      ['/proc/4242/comm', `${program}\n`],
      ['/proc/4242/status', `Name:\t${program}\nPPid:\t811\n`],
      ['/proc/811/comm', `${parent}\n`],
    ]);
    const host = (recorded: Host): Host => ({
      ...recorded,
      identify: async () => ({ device: '00:19', inode: '1345' }),
      read: async (path, maxBytes) => {
        const text = files.get(path);
        return text === undefined ? recorded.read(path, maxBytes) : { ok: true, bytes: Buffer.from(text) };
      },
    });
    return { of: 's1-healthy/node-b', host, againAfterSeconds: 40 };
  };

  it('held by another program for 40 s is told', async () => {
    expect(await toldBy('xtables-lock', held('iptables', 'fail2ban-server'))).toEqual(['medium node-b']);
  });

  it('held by what kube-proxy started is its own affair', async () => {
    expect(await toldBy('xtables-lock', held('iptables-restor', 'kube-proxy'))).toEqual([]);
  });
});

/** Nodes that are all s1 node-b, and go by the name node-b that its kube-proxy has: some of them lack rules. */
interface Copies {
  readonly count: number;
  readonly damaged: number;
  readonly lacking: RegExp;
}

async function ofCopies({ count, damaged, lacking }: Copies): Promise<Audit> {
  const folder = recordingFolder('s1-healthy');
  const state = readApiFolder(join(folder, 'api'), 'audit');
  if (!state.ok) throw new Error(state.refusal.cameBack);
  const [node] = state.value.nodes.filter(({ name }) => name === 'node-b');
  if (node === undefined) throw new Error('node-b is not recorded');
  const recorded = recordedHost(join(folder, 'node-b'));
  const [right, wrong] = [await observe(recorded), await observe(withoutRules(recorded, lacking))];
  const names = Array.from({ length: count }, (_, i) => `node-b${i}`);
  const observed = names.map((name, i) => ({ name, observation: i < damaged ? wrong : right }));
  const nodes = names.map((name) => ({ ...node, name, uid: name }));
  return judge(observed, { ...state.value, nodes });
}

function withoutRules(recorded: Host, lines: RegExp): Host {
  return {
    ...recorded,
    run: async (command, onOutput) => {
      if (command.program !== 'iptables-legacy-save') return recorded.run(command, onOutput);
      const dump = readFileSync(join(recordingFolder('s1-healthy'), 'node-b/iptables-legacy-save.txt'), 'utf8');
      onOutput(Buffer.from(dump.replace(lines, '')));
      return { ok: true, stderr: '', bytes: dump.length };
    },
  };
}

function toldOfCopies({ report }: Audit, ...checks: readonly string[]): readonly string[] {
  const told = report.findings.filter(({ check }) => checks.includes(check));
  return told.map(({ check, node, subject }) => `${check} ${node ?? subjectText(subject)}`);
}

describe('model-disagreement (ten nodes as s1 node-b)', () => {
  /** Damage h of s3. */
  const lacking = /^-A KUBE-SERVICES .*shop\/typo has no endpoints.*\n/m;

  it('all of them lack the refusal of shop/typo alike: nothing is claimed of the nodes', async () => {
    const audit = await ofCopies({ count: 10, damaged: 10, lacking });
    expect(toldOfCopies(audit, 'model-disagreement', 'unrejected-service')).toEqual([
      'model-disagreement iptables v1.36.2',
    ]);
  });

  it('two of them lack it: these two are told, and the expectation is not in doubt', async () => {
    const audit = await ofCopies({ count: 10, damaged: 2, lacking });
    expect(toldOfCopies(audit, 'model-disagreement', 'unrejected-service')).toEqual([
      'unrejected-service node-b0',
      'unrejected-service node-b1',
    ]);
  });
});
