import { signal } from '@preact/signals';

export const VIEWS = [
  'overview',
  'live',
  'send',
  'users',
  'groups',
  'history',
  'gateways',
  'queue',
  'tokens',
  'device',
] as const;
export type View = (typeof VIEWS)[number];

interface Place {
  readonly view: View;
  /** Of `users` and `groups`: whose detail is shown. */
  readonly id: string | undefined;
}

/** What the address says: `#/users/pump-001`. It can be kept as a bookmark, and the browser's back button works. */
export const place = signal<Place>(placeOf(location.hash) ?? { view: 'overview', id: undefined });

window.addEventListener('hashchange', () => {
  const next = placeOf(location.hash);
  if (next) place.value = next;
});

export function hrefOf(view: View, id?: string): string {
  return id === undefined ? `#/${view}` : `#/${view}/${encodeURIComponent(id)}`;
}

export function goTo(view: View, id?: string): void {
  location.hash = hrefOf(view, id);
}

function placeOf(hash: string): Place | undefined {
  const [, name, ...rest] = hash.split('/');
  const view = VIEWS.find((one) => one === name);
  if (hash === '' || hash === '#/') return { view: 'overview', id: undefined };
  if (view === undefined) return undefined;
  return { view, id: decoded(rest.join('/')) };
}

function decoded(text: string): string | undefined {
  try {
    return text === '' ? undefined : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
