import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HttpServer } from '../../aggregator/http/server.ts';
import type { TrackedFinding, Transition } from '../../aggregator/model/lifecycle.ts';
import { auditRecord, minutesAgo, noon, nodeRecord, tracked } from '../../test/audit-record.ts';
import { runCommand } from '../../test/command-run.ts';
import { httpOptions } from '../../test/http-options.ts';
import { memoryJournal } from '../../test/memory-journal.ts';
import { oneSubjectOfEachKind } from '../../test/subjects.ts';

const record = auditRecord();
const journal = memoryJournal();
const server = new HttpServer(httpOptions({ record, journal }));
let url = '';

/** Thirty minutes and a half ago by the clock of the answer, which is the machine's: it stays `30m` while a test runs. */
const since = new Date(Date.now() - 30.5 * 60_000).toISOString();

const stale = tracked('stale-endpoint', { fingerprint: '00000000000000aa', severity: 'high', since });
const jump = tracked('missing-base-jump', {
  fingerprint: '00000000000000bb',
  node: 'node-c',
  subject: { kind: 'Node', name: 'node-c' },
  since,
});

beforeAll(async () => {
  url = await server.start({ host: '127.0.0.1', port: 0 });
});
afterAll(() => server.stop());
beforeEach(() => {
  record.says.nodes = ['node-a', 'node-b', 'node-c'].map((name) => nodeRecord(name));
  record.says.findings = [stale, jump];
  record.says.readiness = { ready: true, because: [] };
});

const findings = (...args: readonly string[]) => runCommand(['findings', '--server', url, ...args]);

describe('plumbline findings', () => {
  it('prints a table, most urgent first, and ends with 1', async () => {
    expect(await findings()).toEqual({
      exitCode: 1,
      out: [
        'FINGERPRINT        SEVERITY   STATE    CHECK               NODE     SUBJECT    SINCE',
        '00000000000000bb   critical   firing   missing-base-jump   node-c   node-c     30m',
        '00000000000000aa   high       firing   stale-endpoint      node-b   shop/web   30m',
        '',
      ].join('\n'),
      err: '',
    });
  });

  it('prints whatever they are about, and finds pods by their namespace', async () => {
    record.says.findings = oneSubjectOfEachKind.map((subject, at) =>
      tracked('made-up', { fingerprint: `00000000000000a${at}`, subject, since }),
    );
    const shown = (out: string) =>
      out
        .split('\n')
        .slice(1, -1)
        .map((line) => line.split(/ {2,}/)[5]);
    expect(shown((await findings()).out)).toEqual([
      '10.244.1.2',
      'cluster',
      'tcp 10.96.0.1:443',
      'flannel.1',
      'shop/default-deny',
      'node-b',
      'node-c',
      'shop/web-0',
      'nat KUBE-MARK-MASQ',
      'shop/web:http',
    ]);
    expect(shown((await findings('-n', 'shop')).out)).toEqual(['shop/default-deny', 'shop/web-0', 'shop/web:http']);
  });

  it('with -o wide says more', async () => {
    const { out } = await findings('-o', 'wide', '--node', 'node-b');
    expect(out.split('\n')[0]).toMatch(/LAYER .* ON NODES +CAUSE +SUMMARY$/);
    expect(out).toContain('stale-endpoint speaks of shop/web.');
  });

  it('with -o name and -o json is for scripts', async () => {
    expect((await findings('-o', 'name')).out).toBe('finding/00000000000000bb\nfinding/00000000000000aa\n');
    const { kind, items } = JSON.parse((await findings('-o', 'json')).out);
    expect([kind, items.map(({ check }: { readonly check: string }) => check)]).toEqual([
      'FindingList',
      ['missing-base-jump', 'stale-endpoint'],
    ]);
  });

  it.each([
    [['--severity', 'high,low'], 'finding/00000000000000aa\n'],
    [['--severity', 'high', '--severity', 'critical'], 'finding/00000000000000bb\nfinding/00000000000000aa\n'],
    [['--check', 'missing-base-jump'], 'finding/00000000000000bb\n'],
    [['-n', 'shop'], 'finding/00000000000000aa\n'],
    [['--node', 'node-a'], ''],
    [['-A', '--state', 'firing'], 'finding/00000000000000bb\nfinding/00000000000000aa\n'],
  ])('takes %j', async (filter, out) => {
    expect((await findings('-o', 'name', ...filter)).out).toBe(out);
  });

  it.each([
    [['--fail-on', 'critical', '--severity', 'high'], 0],
    [['--fail-on', 'high', '--severity', 'high'], 1],
    [['--node', 'node-a'], 0],
  ])('with %j ends with %i', async (filter, exitCode) => {
    expect((await findings(...filter)).exitCode).toBe(exitCode);
  });

  it('does not count what is pending, unknown or accepted', async () => {
    const states = ['pending', 'unknown', 'suppressed'] as const;
    record.says.findings = states.map((state) => tracked('stale-endpoint', { fingerprint: state, state }));
    const { exitCode, out } = await findings('-o', 'name');
    expect([exitCode, out.split('\n').length]).toEqual([0, 4]);
  });

  it('reads every page', async () => {
    record.says.findings = Array.from({ length: 1_203 }, (_, index) =>
      tracked('stale-endpoint', { fingerprint: `f${index}`, node: `node-${index}` }),
    );
    expect((await findings('-o', 'name')).out.split('\n')).toHaveLength(1_204);
  });

  it('says aloud when nothing is found', async () => {
    record.says.findings = [];
    expect(await findings()).toEqual({ exitCode: 0, out: '', err: 'No findings.\n' });
  });

  it('says which nodes nothing is said of', async () => {
    record.says.nodes = [nodeRecord('node-a'), nodeRecord('node-b', { state: 'unknown' })];
    expect((await findings()).err).toBe('plumbline: 1 of 2 nodes is unknown: see plumbline nodes --state unknown\n');
  });

  it('warns of an aggregator that is not ready', async () => {
    record.says.readiness = { ready: false, because: ['watch of services: not synced yet'] };
    const { exitCode, err } = await findings();
    expect([exitCode, err]).toEqual([
      1,
      'plumbline: the aggregator is not ready (HTTP 503 Service Unavailable: Not ready: watch of services.): findings may be missing\n',
    ]);
  });

  it('does not take an empty list of an aggregator that is not ready for an answer', async () => {
    record.says.findings = [];
    record.says.readiness = { ready: false, because: ['watch of services: not synced yet'] };
    const { exitCode, out, err } = await findings();
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toContain('it is not ready (HTTP 503 Service Unavailable: Not ready: watch of services.)');
  });

  it('shows what nodes wrote without letting it act on the terminal', async () => {
    const summary = '\u001b[2Jall is well\u202e\nnode-a   healthy';
    record.says.findings = [tracked('stale-endpoint', { summary, node: 'node-\u009b1m' })];
    const shown = await Promise.all(['wide', 'json', 'yaml', 'name'].map((output) => findings('-o', output)));
    for (const { out } of shown) expect(out).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
    expect(shown[0]?.out).toContain('\\u{1b}[2Jall is well\\u{202e}\\u{a}node-a   healthy');
    expect(JSON.parse(shown[1]?.out ?? '').items[0].summary).toBe(summary);
  });
});

describe('plumbline findings FINGERPRINT', () => {
  const told: TrackedFinding = {
    ...stale,
    shows: 'past-state',
    evidence: [{ kind: 'backend', frontend: 'tcp 10.96.0.1:80', backend: '10.244.1.9:8080', state: 'stale' }],
    remediation: [{ command: 'kubectl -n kube-system get pods\nkubectl get nodes', effect: 'Shows them.' }],
  };
  const steps: readonly Transition[] = [
    { fingerprint: told.fingerprint, episode: 1, at: minutesAgo(6), kind: 'pending', because: 'Seen once.' },
    { fingerprint: told.fingerprint, episode: 1, at: minutesAgo(5), kind: 'firing', because: 'Seen twice.' },
  ];

  it('shows all of it: the sentence, the facts, the evidence, the remedy, the history', async () => {
    journal.commit({ findings: [], withdrawn: [], transitions: steps });
    record.says.findings = [told, tracked('stale-endpoint', { fingerprint: 'other', node: 'node-c' })];
    const { exitCode, out } = await findings(told.fingerprint);
    expect(exitCode).toBe(1);
    // Ages depend on the machine's clock; the times are those of the test.
    const ages = /\((?!30m)\w+ ago\)( +)?/g;
    const text = out.replace(ages, (_, gap) => (gap ? '(... ago)   ' : '(... ago)'));
    expect(text.replace(since.replace(/\.\d+Z/, 'Z'), 'SINCE')).toBe(
      `high   stale-endpoint   node-b   shop/web

stale-endpoint speaks of shop/web.

Fingerprint   00000000000000aa
State         firing
Since         SINCE (30m ago): until then it was wanted so
Fired         2026-11-22T11:55:00Z (... ago)
Last seen     2026-11-22T12:00:00Z (... ago)
On nodes      2, each with a finding of its own

EVIDENCE
  | tcp 10.96.0.1:80: 10.244.1.9:8080 is stale

WHAT TO DO
  kubectl -n kube-system get pods
  kubectl get nodes
    Shows them.

HISTORY
  2026-11-22T11:55:00Z (... ago)   firing    Seen twice.
  2026-11-22T11:54:00Z (... ago)   pending   Seen once.

plumbline checks stale-endpoint explains the check.
`,
    );
  });

  it('is told as a document', async () => {
    const { kind, fingerprint } = JSON.parse((await findings(jump.fingerprint, '-o', 'json')).out);
    expect([kind, fingerprint]).toEqual(['Finding', jump.fingerprint]);
  });

  it('that never was is refused', async () => {
    expect(await findings('ffff')).toEqual({
      exitCode: 2,
      out: '',
      err: `plumbline: cannot ask ${url}/api/v1/findings/ffff: HTTP 404 Not Found: No finding, open or ended, has the fingerprint "ffff". GET /api/v1/findings lists them.
It may have ended or been deleted meanwhile; the command lists what there is without a name.
`,
    });
  });
});

describe('plumbline findings --watch', () => {
  const step = (fingerprint: string, kind: Transition['kind']): Transition => {
    return { fingerprint, episode: 1, at: new Date(noon).toISOString(), kind, because: 'So it is.' };
  };
  /** Tells the next event each time that something was printed. */
  function telling(events: readonly (() => void)[]) {
    const rest = [...events];
    return () => rest.shift()?.();
  }

  it('prints the list, then the rows that change, once each', async () => {
    const young = tracked('stale-service', { fingerprint: '00000000000000cc', state: 'pending', since });
    const tell = (finding: TrackedFinding, kind: Transition['kind']) =>
      record.tell({ kind: 'finding', transition: step(finding.fingerprint, kind), finding });
    const onPrint = telling([
      () => tell(young, 'pending'),
      () => {
        tell({ ...young, lastSeenAt: minutesAgo(0) }, 'pending');
        tell({ ...young, state: 'firing' }, 'firing');
      },
      () => tell({ ...stale, state: 'resolved', endedAt: minutesAgo(0) }, 'resolved'),
      () => record.tell({ kind: 'finding', transition: step(young.fingerprint, 'withdrawn'), finding: null }),
    ]);
    const { out } = await runCommand(['findings', '--watch'], { server: url, closesAt: /withdrawn/, onPrint });
    expect(out.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      'FINGERPRINT SEVERITY STATE CHECK NODE SUBJECT SINCE',
      '00000000000000bb critical firing missing-base-jump node-c node-c 30m',
      '00000000000000aa high firing stale-endpoint node-b shop/web 30m',
      '00000000000000cc critical pending stale-service node-b shop/web 30m',
      '00000000000000cc critical firing stale-service node-b shop/web 30m',
      '00000000000000aa high resolved stale-endpoint node-b shop/web 30m',
      '00000000000000cc critical withdrawn stale-service node-b shop/web 30m',
      '',
    ]);
  });

  it('leaves out what is not asked for', async () => {
    const onPrint = telling([
      () => {
        record.tell({ kind: 'finding', transition: step('x', 'firing'), finding: { ...jump, fingerprint: 'x' } });
        record.tell({ kind: 'finding', transition: step('y', 'firing'), finding: { ...stale, fingerprint: 'y' } });
      },
    ]);
    const { out } = await runCommand(['findings', '--watch', '-o', 'name', '--severity', 'high'], {
      server: url,
      closesAt: /\/y/,
      onPrint,
    });
    expect(out).toBe('finding/00000000000000aa\nfinding/y\n');
  });

  it('goes on, with what ended meanwhile, when the aggregator comes back', async () => {
    const own = auditRecord({ findings: [stale, jump] });
    const history = memoryJournal();
    const options = httpOptions({ record: own, journal: history });
    const first = new HttpServer(options);
    const place = await first.start({ host: '127.0.0.1', port: 0 });
    const { port } = new URL(place);
    const second = new HttpServer(options);
    const onPrint = telling([
      () => {
        own.says.findings = [jump];
        history.commit({
          findings: [{ ...stale, state: 'resolved', endedAt: minutesAgo(0) }],
          withdrawn: [],
          transitions: [],
        });
        void first.stop().then(() => second.start({ host: '127.0.0.1', port: Number(port) }));
      },
    ]);
    const { out, err } = await runCommand(['findings', '--watch'], { server: place, closesAt: /resolved/, onPrint });
    await second.stop();
    expect(err).toBe(`plumbline: live updates of ${place}/ stopped, trying again\n`);
    expect(out.split('\n').slice(3).join('')).toMatch(/^00000000000000aa +high +resolved /);
  });
});

describe('an aggregator that cannot be asked', () => {
  it('is told with what to do, and nothing on stdout', async () => {
    const gone = new HttpServer(httpOptions());
    const nowhere = await gone.start({ host: '127.0.0.1', port: 0 });
    await gone.stop();
    const refusal = {
      exitCode: 2,
      out: '',
      err: expect.stringMatching(
        /^plumbline: cannot ask http:\/\/127\.0\.0\.1:\d+\/api\/v1\/findings\?limit=500: connection refused\nIs the aggregator running, .*\n--server and PLUMBLINE_SERVER .*\n {2}kubectl --namespace plumbline port-forward .*\n$/,
      ),
    };
    expect(await runCommand(['findings'], { server: nowhere })).toEqual(refusal);
    expect((await runCommand(['findings', '--watch', '--server', nowhere])).exitCode).toBe(2);
  });

  it.each([
    ['ftp://192.0.2.1', 'it is no URL of HTTP'],
    ['http://', 'it is no URL of HTTP'],
    ['http://user:secret@127.0.0.1', 'the URL holds a password'],
  ])('is refused as %s', async (server, why) => {
    const { exitCode, out, err } = await runCommand(['findings', '--server', server]);
    expect([exitCode, out, err.includes(why), err.includes('secret')]).toEqual([2, '', true, false]);
  });

  it('may be named without http://', async () => {
    expect((await runCommand(['findings'], { server: url.replace('http://', '') })).exitCode).toBe(1);
  });
});
