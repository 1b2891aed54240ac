/**
 * Stands for a Kubernetes API server: lists, watches, single objects and reviews, in the form of the answers recorded of
 * the real one, and all the ways in which one can fail. It carries no bytes itself: see listen.ts.
 */
import { randomUUID } from 'node:crypto';
import type { Timing } from '../../../aggregator/cluster/timing.ts';
import { type ApiObject, apiResources, keyOf, type Place, placeOf } from './api-resources.ts';
import { type Asked, answerFailure, answerJson, type Reply } from './exchange.ts';
import { type Fault, playFault, type Verb } from './faults.ts';
import { answerList, type ListedHistory } from './list-answer.ts';
import { ObjectHistory } from './object-history.ts';
import { type AccessGrant, answerReview, isAlive, isReview, type KnownToken, type ReviewFacts } from './reviews.ts';
import { accountOf, answerTokenRequest } from './token-requests.ts';
import { WatchSession } from './watch-session.ts';

export interface StandInOptions {
  readonly timing: Pick<Timing, 'later'>;
  /** Requests without a known token are refused. */
  readonly requiresToken?: boolean;
  /** False: an older server, which cannot begin a watch with the objects there are. */
  readonly watchLists?: boolean;
  /** Pages are no longer than this, whatever is asked for. */
  readonly mostPerPage?: number;
}

export class ApiStandIn {
  readonly #options: StandInOptions;
  readonly #histories = new Map(apiResources.map(({ plural }) => [plural, new ObjectHistory()]));
  readonly #watches = new Set<WatchSession>();
  readonly #tokens = new Map<string, KnownToken>();
  readonly #grants: AccessGrant[] = [];
  readonly #accounts = new Set<string>();
  readonly #requests = new Map<string, number>();
  #faults: Fault[] = [];
  #version = 1;

  constructor(options: StandInOptions) {
    this.#options = options;
  }

  /** The newest resource version. */
  get version(): number {
    return this.#version;
  }

  /** Requests so far by `VERB PLURAL`: `watch services`. */
  get requests(): ReadonlyMap<string, number> {
    return this.#requests;
  }

  /** Creates or changes an object: the version rises. @returns it as it is told, with UID and version. */
  apply(plural: string, object: ApiObject): ApiObject {
    const history = this.#history(plural);
    const known = history.get(keyOf(object));
    const uid = object.metadata.uid ?? known?.metadata.uid ?? randomUUID();
    const version = ++this.#version;
    const applied = { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(version) } };
    history.put(applied, version);
    return applied;
  }

  /** @param key `namespace/name`, or the name. */
  remove(plural: string, key: string): void {
    const history = this.#history(plural);
    const known = history.get(key);
    if (known === null) return;
    const version = ++this.#version;
    history.remove({ ...known, metadata: { ...known.metadata, resourceVersion: String(version) } }, version);
  }

  /** Takes an object, or its deletion, with the version that it was recorded with. */
  record(plural: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: ApiObject): void {
    const version = Number(object.metadata.resourceVersion);
    this.#version = Math.max(this.#version, version);
    if (type === 'DELETED') this.#history(plural).remove(object, version);
    else this.#history(plural).put(object, version);
  }

  objects(plural: string): readonly ApiObject[] {
    return this.#history(plural).objects();
  }

  /** Forgets all past versions: who asks from one gets 410. */
  forget(): void {
    for (const history of this.#histories.values()) history.forget(this.#version);
  }

  addToken(token: KnownToken): void {
    this.#tokens.set(token.token, token);
  }

  /** A ServiceAccount of which tokens may be asked. */
  addAccount(namespace: string, name: string): void {
    this.#accounts.add(`${namespace}/${name}`);
  }

  grant(access: AccessGrant): void {
    this.#grants.push(access);
  }

  /** The next requests that fit meet this. */
  fail(fault: Fault): void {
    this.#faults.push(fault);
  }

  /** Requests are answered again. */
  mend(): void {
    this.#faults = [];
  }

  /** Watches that are open, of one resource or all. */
  watches(plural?: string): readonly WatchSession[] {
    return [...this.#watches].filter(({ place }) => plural === undefined || place.resource.plural === plural);
  }

  /** Answers one request. */
  answer(asked: Asked, reply: Reply): void {
    const place = placeOf(asked.path);
    const verb = verbOf(asked, place);
    const counted = `${verb} ${place?.resource.plural ?? asked.path}`;
    this.#requests.set(counted, (this.#requests.get(counted) ?? 0) + 1);
    const fault = this.#takeFault(asked, verb, place);
    if (fault !== null) playFault(fault, reply);
    else if (this.#letsIn(asked, place, reply)) this.#answerWell(asked, { verb, place }, reply);
  }

  #answerWell(asked: Asked, { verb, place }: { verb: Verb; place: Place | null }, reply: Reply): void {
    if (verb === 'review') answerReview(asked, this.#facts(), reply);
    else if (verb === 'token') this.#answerTokenRequest(asked, reply);
    else if (place === null || asked.method !== 'GET') answerFailure(reply, notServed);
    else if (verb === 'watch') this.#answerWatch(asked, place, reply);
    else if (place.name !== null) answerOne(place, this.#history(place.resource.plural), reply);
    else answerList(asked, place, this.#listed(place))(reply);
  }

  #listed({ resource }: Place): ListedHistory {
    const { mostPerPage = Number.POSITIVE_INFINITY } = this.#options;
    return { history: this.#history(resource.plural), now: this.#version, mostPerPage };
  }

  #answerWatch(asked: Asked, place: Place, reply: Reply): void {
    if (this.#options.watchLists === false && asked.query.has('sendInitialEvents')) {
      answerFailure(reply, watchListRefused);
      return;
    }
    const history = this.#history(place.resource.plural);
    const { timing } = this.#options;
    const session = new WatchSession(asked, place, reply, { history, now: () => this.#version, timing });
    this.#watches.add(session);
    session.open(() => this.#watches.delete(session));
  }

  #answerTokenRequest(asked: Asked, reply: Reply): void {
    const account = accountOf(asked) ?? { namespace: '', name: '' };
    const isThere = this.#accounts.has(`${account.namespace}/${account.name}`);
    const token = answerTokenRequest(asked, { account, isThere, now: Date.now() }, reply);
    if (token !== null) this.addToken(token);
  }

  #takeFault({ query }: Asked, verb: Verb, place: Place | null): Fault | null {
    const index = this.#faults.findIndex(
      (fault) =>
        (fault.verb === undefined || fault.verb === verb) &&
        (fault.laterPage === undefined || query.has('continue')) &&
        (fault.plural === undefined || fault.plural === place?.resource.plural),
    );
    const fault = this.#faults[index];
    if (fault === undefined) return null;
    const left = (fault.times ?? 1) - 1;
    this.#faults.splice(index, 1, ...(left > 0 ? [{ ...fault, times: left }] : []));
    return fault;
  }

  #letsIn({ token }: Asked, place: Place | null, reply: Reply): boolean {
    if (this.#options.requiresToken !== true) return true;
    const known = token === null ? undefined : this.#tokens.get(token);
    if (known !== undefined && known.audiences.length === 0 && isAlive(known, this.#facts())) return true;
    if (token !== null) {
      answerFailure(reply, { code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
      return false;
    }
    const { plural = 'unknown', apiVersion = 'v1' } = place?.resource ?? {};
    const group = apiVersion.includes('/') ? apiVersion.replace(/\/.*$/, '') : '';
    const message = `${plural}${group === '' ? '' : `.${group}`} is forbidden: User "system:anonymous" cannot list resource "${plural}" in API group "${group}" at the cluster scope`;
    answerFailure(reply, { code: 403, reason: 'Forbidden', message, details: { kind: plural } });
    return false;
  }

  #facts(): ReviewFacts {
    return {
      tokens: this.#tokens,
      grants: this.#grants,
      podUid: (namespace, name) => this.#history('pods').get(`${namespace}/${name}`)?.metadata.uid ?? null,
    };
  }

  #history(plural: string): ObjectHistory {
    const history = this.#histories.get(plural);
    if (history === undefined) throw new Error(`the stand-in serves no ${plural}`);
    return history;
  }
}

function verbOf({ path, query }: Asked, place: Place | null): Verb {
  if (isReview({ path })) return 'review';
  if (accountOf({ path }) !== null) return 'token';
  if (['1', 'true'].includes(query.get('watch') ?? '')) return 'watch';
  return place?.name === null ? 'list' : 'get';
}

function answerOne({ resource, namespace, name }: Place, history: ObjectHistory, reply: Reply): void {
  const { kind, apiVersion, plural } = resource;
  const object = history.get(namespace === null ? String(name) : `${namespace}/${name}`);
  if (object === null) {
    const message = `${plural} "${name}" not found`;
    answerFailure(reply, { code: 404, reason: 'NotFound', message, details: { name, kind: plural } });
  } else answerJson(reply, 200, { kind, apiVersion, ...object });
}

const notServed = {
  code: 404,
  reason: 'NotFound',
  message: 'the server could not find the requested resource',
  details: {},
};

const watchListRefused = {
  code: 422,
  reason: 'Invalid',
  message:
    'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
  details: {
    group: 'meta.k8s.io',
    kind: 'ListOptions',
    causes: [
      {
        reason: 'FieldValueForbidden',
        message: 'Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
        field: 'sendInitialEvents',
      },
    ],
  },
};
