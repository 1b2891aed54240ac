/** Can I trust this node? */
import type { FindingJson } from '../../http/schemas/finding.ts';
import { layers } from '../../model/finding.ts';
import type { NodeDocument, NodeJson } from '../../http/schemas/node.ts';
import type { HeatmapJson } from '../../http/schemas/overview.ts';
import { now } from '../clock.ts';
import { cellWords, layerTitles } from '../heat-cells.ts';
import type { LiveEvent } from '../live.ts';
import { FindingState, NodeState, Severity } from '../parts/badge.tsx';
import { Fact } from '../parts/fact.tsx';
import { LayerReasons, Network } from '../parts/node-network.tsx';
import { OwnWord, Parts } from '../parts/node-word.tsx';
import { Empty, Failure, Loading } from '../parts/notice.tsx';
import { Time } from '../parts/time.tsx';
import { useDocument } from '../state/use-document.ts';

export function Node({ name }: { readonly name: string }) {
  const touches = (event: LiveEvent) => event.kind === 'node' && event.node.name === name;
  const { value, failure } = useDocument<NodeDocument>(`/api/v1/nodes/${name}`, touches);
  if (value === null) return failure === null ? <Loading what="the node" /> : <Failure detail={failure.detail} />;
  return (
    <article>
      {failure !== null && <Failure detail={failure.detail} />}
      <p class="line">
        Node <NodeState state={value.state} />
      </p>
      <h1 class="sentence">{verdict(value)}</h1>
      {value.unknownBecause.length > 0 && (
        <ul class="hint unknown">
          {value.unknownBecause.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      {value.waysSentence !== null && <p class="hint">{value.waysSentence}</p>}
      <Layers node={value} />
      <Findings name={name} />
      <Facts node={value} />
      <Network network={value.network} />
      <OwnWord word={value.kubeProxy} />
      <Parts parts={value.parts} />
    </article>
  );
}

function verdict({ name, state, frontends, findings, agent }: NodeJson): string {
  const of = `${frontends.total.toLocaleString('en')} addresses`;
  switch (state) {
    case 'healthy':
      return `${name} does what the cluster asks for, at all ${of}.`;
    case 'unhealthy':
      if (frontends.drifted === 0) {
        return `${name} does what the cluster asks for again, or differs in something else than addresses: ${countOf(findings.firing)}.`;
      }
      return `${name} differs from what the cluster asks for: ${frontends.drifted.toLocaleString('en')} of ${of}, ${countOf(findings.firing)}.`;
    case 'unknown':
      return agent === 'reporting' || agent === 'late'
        ? `It is not known whether ${name} does what the cluster asks for.`
        : `Nothing is heard of ${name}.`;
  }
}

function countOf(findings: number): string {
  return `${findings} ${findings === 1 ? 'finding fires' : 'findings fire'}`;
}

function Layers({ node: { name, state, layers: statuses } }: { readonly node: NodeJson }) {
  const { value } = useDocument<HeatmapJson>(
    '/api/v1/heatmap',
    (event) =>
      (event.kind === 'node' && event.node.name === name) || (event.kind === 'finding' && event.finding?.node === name),
    2_000,
  );
  const cells = value?.nodes.find((node) => node.name === name)?.cells;
  if (cells === undefined) return null;
  return (
    <section aria-labelledby="layers">
      <h2 id="layers">By layer</h2>
      <ol class="ladder">
        {layers.map((layer, at) => (
          <li key={layer} data-cell={cells[at]}>
            <b>{layer}</b> {layerTitles[layer]}: {cellWords(cells[at] ?? (state === 'unknown' ? '?' : '-'))}
            <LayerReasons layers={statuses} layer={layer} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function Findings({ name }: { readonly name: string }) {
  const { value } = useDocument<{ readonly items: readonly FindingJson[] }>(
    `/api/v1/findings?limit=500&node=${name}`,
    (event) => event.kind === 'finding' && event.finding?.node === name,
  );
  if (value === null) return null;
  const causes = value.items.filter(({ parent }) => parent === null);
  const effects = value.items.length - causes.length;
  return (
    <section aria-labelledby="findings">
      <h2 id="findings">Findings</h2>
      {causes.length === 0 && <Empty>None.</Empty>}
      <ul class="rows">
        {causes.map(({ fingerprint, severity, state, summary, since }) => (
          <li key={fingerprint}>
            <Severity severity={severity} state={state} /> <a href={`/findings/${fingerprint}`}>{summary}</a>{' '}
            <FindingState state={state} /> <Time at={since} />
          </li>
        ))}
      </ul>
      {effects > 0 && (
        <p>
          <a href={`/findings?node=${name}`}>
            {effects} {effects === 1 ? 'finding follows' : 'findings follow'} from these
          </a>
        </p>
      )}
    </section>
  );
}

function Facts({ node }: { readonly node: NodeJson }) {
  const { mode, kubeProxyVersion, frontends, showsStateOf } = node;
  return (
    <section aria-labelledby="facts">
      <h2 id="facts">What is known of it</h2>
      <dl class="facts">
        <Fact name="dataplane">{mode}</Fact>
        <Fact name="kube-proxy">{kubeProxyVersion ?? 'not known'}</Fact>
        <Fact name="addresses">
          {frontends.inSync.toLocaleString('en')} in sync, {frontends.drifted.toLocaleString('en')} differ,{' '}
          {frontends.unknown.toLocaleString('en')} not known
        </Fact>
        {showsStateOf !== null && (
          <Fact name="shows the state of">
            <Time at={showsStateOf} />
          </Fact>
        )}
        <AgentFacts node={node} />
      </dl>
    </section>
  );
}

function AgentFacts({ node }: { readonly node: NodeJson }) {
  const { agent, agentVersion, lastHeardAt, lastReadingAt, readingIntervalSeconds, agentMetrics, ways } = node;
  const isOld =
    lastReadingAt !== null && now.value - Date.parse(lastReadingAt) > 2_000 * (readingIntervalSeconds ?? 30);
  return (
    <>
      <Fact name="rules read">
        {lastReadingAt === null ? 'never' : <Time at={lastReadingAt} />}
        {isOld && <b>: older than two of its readings</b>}
        {readingIntervalSeconds === null ? '' : `, every ${readingIntervalSeconds} s`}
      </Fact>
      <Fact name="agent">
        {agent}
        {agentVersion === null ? '' : `, ${agentVersion}`}
        {lastHeardAt !== null && (
          <>
            , heard <Time at={lastHeardAt} />
          </>
        )}
      </Fact>
      {ways.map((way) => (
        <Fact key={way.address} name={wayNames[way.kind]}>
          {way.address}: {way.inUse ? 'in use' : way.failingSince === null ? 'not in use' : 'fails'}
          {way.failingSince !== null && (
            <>
              {way.reason === null ? '' : ` (${way.reason})`} since <Time at={way.failingSince} />
            </>
          )}
        </Fact>
      ))}
      {agentMetrics !== null && (
        <Fact name="agent's cost">
          {Math.round(agentMetrics.rssBytes / 2 ** 20)} MiB, {agentMetrics.lastReadingSeconds.toFixed(2)} s a reading
        </Fact>
      )}
      {agentMetrics !== null && agentMetrics.hintSources.length > 0 && (
        <Fact name="changes told by">{agentMetrics.hintSources.join(', ')}</Fact>
      )}
    </>
  );
}

/** How the agent reaches the aggregator. */
const wayNames = {
  service: 'way by the Service',
  headless: 'way by name of the pods',
  pod: 'way to a pod',
  socket: 'way by a socket',
  other: 'way',
} as const;
