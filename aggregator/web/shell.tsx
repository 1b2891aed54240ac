/** What stands around every view: where one can go, whether what is shown can be trusted, help. */
import { useEffect, useRef } from 'preact/hooks';
import type { OverviewJson } from '../http/schemas/overview.ts';
import { isLoginNeeded } from './api.ts';
import { said } from './copy.ts';
import { isHelpShown, keyHelp } from './keys.ts';
import { stopped } from './live.ts';
import type { Place } from './places.ts';
import { entrances, go, path, place, query, setQuery } from './route.ts';
import { logOut, reader } from './session.ts';
import { useDocument } from './state/use-document.ts';
import { exactWords } from './time-words.ts';
import { Check, Checks } from './views/checks.tsx';
import { Finding } from './views/finding.tsx';
import { Findings } from './views/findings.tsx';
import { Login } from './views/login.tsx';
import { Matrix } from './views/matrix.tsx';
import { Node } from './views/node.tsx';
import { Nodes } from './views/nodes.tsx';
import { Overview } from './views/overview.tsx';
import { Service } from './views/service.tsx';
import { Services } from './views/services.tsx';
import { Trace } from './views/trace.tsx';

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
        <Reader />
      </header>
      {isLoginNeeded.value ? null : <Unready />}
      <main id="main" tabIndex={-1}>
        {isLoginNeeded.value ? <Login /> : <View place={place.value} />}
      </main>
      <Said />
      {isHelpShown.value && <Help />}
    </>
  );
}

function isIn(at: string, href: string): boolean {
  return href === '/' ? at === '/' : at === href || at.startsWith(`${href}/`);
}

/** One view for each place. */
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
    case 'trace':
      return <Trace />;
    case 'matrix':
      return <Matrix />;
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
    case 'trace':
    case 'matrix':
    case 'checks':
    case 'nowhere':
      return `${at.view[0]?.toUpperCase()}${at.view.slice(1)} · Plumbline`;
  }
}

/** Goes to what is named whole, and filters the list that is shown by anything else. */
function Search() {
  const isList = ['findings', 'nodes', 'services', 'checks'].includes(place.value.view);
  const filter = (text: string) => {
    const next = new URLSearchParams(query.value);
    if (text === '') next.delete('q');
    else next.set('q', text);
    setQuery(next);
  };
  const search = (text: string) => {
    if (/^[0-9a-f]{16}$/.test(text)) return go(`/findings/${text}`);
    if (isList) return filter(text);
    go(`/findings?q=${encodeURIComponent(text)}`);
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
          onInput={({ currentTarget }) => {
            if (isList) filter(currentTarget.value);
          }}
        />
      </form>
    </search>
  );
}

/** Who reads, and the way out; nothing where nobody is asked. */
function Reader() {
  const who = reader.value;
  if (who === null || who.username === null || isLoginNeeded.value) return null;
  return (
    <p class="reader">
      <span title={who.until === null ? undefined : `until ${exactWords(who.until)}`}>{who.username}</span>{' '}
      <button type="button" onClick={() => void logOut()}>
        Log out
      </button>
    </p>
  );
}

const always = () => true;

/** What makes the rest less than it seems. */
function Unready() {
  const { value, failure } = useDocument<OverviewJson>('/api/v1/overview', always, 1_000);
  if (value === null || failure !== null || value.ready) return null;
  const { unknown, total } = value.nodes;
  return (
    <p class="banner" role="status">
      The aggregator has not seen everything: {value.because.join('; ')}. {unknown.toLocaleString('en')} of{' '}
      {total.toLocaleString('en')} nodes are not known.
    </p>
  );
}

/** At the lower edge, where it moves nothing. */
function Said() {
  return (
    <div class="said" aria-live="polite">
      {said.value !== null && <p>{said.value}</p>}
      {stopped.value !== null && !isLoginNeeded.value && (
        <p class="stopped">
          Live updates stopped at {clockOf(stopped.value.at)}
          {stopped.value.because === null ? '' : ` (${stopped.value.because})`}. What is shown may be old; it is tried
          again.
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
