/** Which view a path is. Every place of the page is a URL that can be sent on. */

/** The views, by the first part of their path. */
export type Place =
  | { readonly view: 'overview' | 'findings' | 'nodes' | 'services' | 'trace' | 'matrix' | 'checks' | 'nowhere' }
  | { readonly view: 'finding'; readonly fingerprint: string }
  | { readonly view: 'node'; readonly name: string }
  | { readonly view: 'service'; readonly namespace: string; readonly name: string }
  | { readonly view: 'check'; readonly id: string };

/** The view of a path. Names are as plain in paths as the API server lets names be. */
export function placeOf(pathname: string): Place {
  const [kind = '', ...names] = pathname.slice(1).split('/');
  const [first = '', second = ''] = names;
  if (names.length === 0) return listPlace(kind);
  if (names.length === 1 && first !== '') {
    if (kind === 'findings') return { view: 'finding', fingerprint: first };
    if (kind === 'nodes') return { view: 'node', name: first };
    if (kind === 'checks') return { view: 'check', id: first };
  }
  if (names.length === 2 && kind === 'services' && first !== '' && second !== '') {
    return { view: 'service', namespace: first, name: second };
  }
  return { view: 'nowhere' };
}

function listPlace(kind: string): Place {
  switch (kind) {
    case '':
    case 'login':
      return { view: 'overview' };
    case 'findings':
    case 'nodes':
    case 'services':
    case 'trace':
    case 'matrix':
    case 'checks':
      return { view: kind };
    default:
      return { view: 'nowhere' };
  }
}

/** Whether it can be the name of a Node or a Service: any other text of a node's leads nowhere. */
export function isName(text: string): boolean {
  return /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(text);
}
