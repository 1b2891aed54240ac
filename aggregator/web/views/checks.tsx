/** What is looked at, and how? */
import type { CheckJson } from '../../http/schemas/check.ts';
import { Markdown } from '../parts/markdown.tsx';
import { Failure, Loading } from '../parts/notice.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { query } from '../route.ts';
import { useDocument } from '../state/use-document.ts';

const never = () => false;

export function Checks() {
  const { value, failure } = useDocument<{ readonly items: readonly CheckJson[] }>('/api/v1/checks', never);
  if (value === null) return failure === null ? <Loading what="the checks" /> : <Failure detail={failure.detail} />;
  const text = (query.value.get('q') ?? '').toLowerCase();
  const items = value.items.filter(({ id, title }) => `${id} ${title}`.toLowerCase().includes(text));
  return (
    <>
      <h1>
        {items.length === value.items.length ? '' : `${items.length} of `}
        {value.items.length} checks are asked of every reading of every node, or of the cluster's own objects.
      </h1>
      <Table
        caption="Checks"
        columns={columns}
        rows={new Map(items.map((check) => [check.id, check]))}
        order={items.map(({ id }) => id)}
        hrefOf={({ id }) => `/checks/${id}`}
        asked={text}
      />
    </>
  );
}

const columns: readonly Column<CheckJson>[] = [
  { title: 'Check', width: 'name', cell: ({ id }) => <a href={`/checks/${id}`}>{id}</a> },
  { title: 'Layer', width: 'letter', cell: ({ layer }) => layer },
  { title: 'Severity', width: 'short', cell: ({ severity }) => severity },
  { title: 'What it tells', width: 'text', cell: ({ title }) => title },
  { title: 'Of', width: 'short', room: 'wide', cell: ({ scope }) => (scope === 'node' ? 'a node' : 'the cluster') },
];

export function Check({ id }: { readonly id: string }) {
  const { value, failure } = useDocument<CheckJson>(`/api/v1/checks/${id}`, never);
  if (value === null) return failure === null ? <Loading what="the check" /> : <Failure detail={failure.detail} />;
  const {
    layer,
    severity,
    scope,
    title,
    explanation,
    falsePositives,
    remediation,
    needs,
    holdForSeconds,
    clearForSeconds,
  } = value;
  return (
    <article class="prose">
      <p class="line">
        {layer} · {severity} · of {scope === 'node' ? 'a node' : 'the cluster'} ·{' '}
        <a href={`/findings?check=${id}`}>its findings</a>
      </p>
      <h1 class="sentence">{title}</h1>
      <p class="quiet">
        <code>{id}</code>
      </p>
      <h2>How it comes about</h2>
      <Markdown text={explanation} />
      <h2>What looks like it and is not</h2>
      <Markdown text={falsePositives} />
      <h2>What mends it</h2>
      <Markdown text={remediation} />
      <p class="quiet">
        It fires when it has held for {holdForSeconds} s past its grace, and is resolved when it has been gone for{' '}
        {clearForSeconds} s. It needs: {needs.join(', ')}.
      </p>
    </article>
  );
}
