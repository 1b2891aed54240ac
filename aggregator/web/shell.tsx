/** What stands around every view: where one can go, whether what is shown can be trusted, help. */
import { useEffect, useRef } from 'preact/hooks';
import type { OverviewJson } from '../http/schemas/overview.ts';
import { isLoginNeeded } from './api.ts';
import { isHelpShown, keyHelp } from './keys.ts';
import { stoppedAt } from './live.ts';
import type { Place } from './places.ts';
import { entrances, go, path, place, query, setQuery } from './route.ts';
import { useDocument } from './state/use-document.ts';
import { Check, Checks } from './views/checks.tsx';
import { Finding } from './views/finding.tsx';
import { Findings } from './views/findings.tsx';
import { Login } from './views/login.tsx';
import { Node } from './views/node.tsx';
import { Nodes } from './views/nodes.tsx';
import { Overview } from './views/overview.tsx';
import { Service } from './views/service.tsx';
import { Services } from './views/services.tsx';

export function Shell() {
  const at = path.value;
  useEffect(() => {
    document.title = titleOf(place.value);
  }, [at]);
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <header class="top">
        <a class="brand" href="/">
          Plumbline
        </a>
        <nav aria-label="Views">
          {entrances.map(({ path: href, label, key }) => (
            <a key={href} href={href} title={`g ${key}`} aria-current={isIn(at, href) ? 'page' : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <Search />
      </header>
      {isLoginNeeded.value ? null : <Banners />}
      <main id="main" tabIndex={-1}>
        {isLoginNeeded.value ? <Login /> : <View place={place.value} />}
      </main>
      {isHelpShown.value && <Help />}
    </>
  );
}

function isIn(at: string, href: string): boolean {
  return href === '/' ? at === '/' : at === href || at.startsWith(`${href}/`);
}

/** One view for each place; a trace and the matrix have theirs here. */
function View({ place: at }: { readonly place: Place }) {
  switch (at.view) {
    case 'overview':
      return <Overview />;
    case 'findings':
      return <Findings />;
    case 'finding':
      return <Finding key={at.fingerprint} fingerprint={at.fingerprint} />;
    case 'nodes':
      return <Nodes />;
    case 'node':
      return <Node key={at.name} name={at.name} />;
    case 'services':
      return <Services />;
    case 'service':
      return <Service key={`${at.namespace}/${at.name}`} namespace={at.namespace} name={at.name} />;
    case 'checks':
      return <Checks />;
    case 'check':
      return <Check key={at.id} id={at.id} />;
    case 'nowhere':
      return (
        <p class="empty">
          There is nothing here. <a href="/">The overview</a> is the place to begin.
        </p>
      );
  }
}

function titleOf(at: Place): string {
  switch (at.view) {
    case 'overview':
      return 'Plumbline';
    case 'finding':
      return `Finding ${at.fingerprint} · Plumbline`;
    case 'node':
      return `${at.name} · Plumbline`;
    case 'service':
      return `${at.namespace}/${at.name} · Plumbline`;
    case 'check':
      return `${at.id} · Plumbline`;
    case 'findings':
    case 'nodes':
    case 'services':
    case 'checks':
    case 'nowhere':
      return `${at.view[0]?.toUpperCase()}${at.view.slice(1)} · Plumbline`;
  }
}

/** Goes to what is named whole, and filters the list that is shown by anything else. */
function Search() {
  const search = (text: string) => {
    if (/^[0-9a-f]{16}$/.test(text)) return go(`/findings/${text}`);
    const isList = ['findings', 'nodes', 'services', 'checks'].includes(place.value.view);
    if (!isList) return go(`/findings?q=${encodeURIComponent(text)}`);
    const next = new URLSearchParams(query.value);
    if (text === '') next.delete('q');
    else next.set('q', text);
    setQuery(next);
  };
  return (
    <search>
      <form
        class="search"
        onSubmit={(event) => {
          event.preventDefault();
          search(String(new FormData(event.currentTarget).get('q') ?? '').trim());
        }}
      >
        <label class="heard" for="search">
          Search
        </label>
        <input
          id="search"
          name="q"
          type="search"
          placeholder="Search  /"
          value={query.value.get('q') ?? ''}
          autocomplete="off"
        />
      </form>
    </search>
  );
}

const always = () => true;

/** What makes the rest less than it seems. */
function Banners() {
  const { value, failure } = useDocument<OverviewJson>('/api/v1/overview', always);
  return (
    <div class="banners" aria-live="polite">
      {stoppedAt.value !== null && (
        <p class="banner">
          Live updates stopped at {clockOf(stoppedAt.value)}. What is shown may be old; it is tried again.
        </p>
      )}
      {value !== null && failure === null && !value.ready && (
        <p class="banner">
          The aggregator has not seen everything: {value.because.join('; ')}. {value.nodes.unknown} of{' '}
          {value.nodes.total} nodes are not known.
        </p>
      )}
    </div>
  );
}

/** `02:20 UTC` */
function clockOf(at: number): string {
  return `${new Date(at).toISOString().slice(11, 16)} UTC`;
}

function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const close = () => {
    isHelpShown.value = false;
  };
  return (
    <dialog ref={dialog} aria-labelledby="help" onClose={close}>
      <h2 id="help">Keys</h2>
      <dl class="facts">
        {keyHelp.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={close}>
        Close
      </button>
    </dialog>
  );
}
