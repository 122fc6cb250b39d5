import { computed, signal } from '@preact/signals';

/** The address as the browser has it: path and query. */
const address = signal(location.pathname + location.search);
export const path = computed(() => address.value.split('?', 1)[0] ?? '/');
export const query = computed(() => new URLSearchParams(address.value.split('?')[1] ?? ''));
/** The parts of the path: `/journaling/exchange-1` is `['journaling', 'exchange-1']`. */
export const parts = computed(() =>
  path.value
    .split('/')
    .filter((part) => part !== '')
    .map(decoded),
);

/** What asks before a page with unsaved changes is left; answers whether it may be. */
let guard: (() => boolean) | undefined;
export function guardLeaving(mayLeave: (() => boolean) | undefined): void {
  guard = mayLeave;
}

/** Goes to an address of the console. `replace`: without a step back to where one was. */
export function go(to: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  if (to === address.value || guard?.() === false) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  show();
}

/** Follows links inside the console and the browser's own steps. */
export function followLinks(): void {
  addEventListener('popstate', () => {
    if (guard?.() === false) history.pushState(null, '', address.value);
    else show();
  });
  addEventListener('beforeunload', (event) => {
    if (guard !== undefined) event.preventDefault();
  });
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    const to = link === null ? undefined : addressOf(link);
    if (to === undefined || !isPlain(event)) return;
    event.preventDefault();
    go(to);
  });
}

/** Where a link to a page of the console leads, one in a drawing too; undefined for any other. */
function addressOf(link: Element): string | undefined {
  const href = link.getAttribute('href') ?? '#';
  if (href.startsWith('#') || link.hasAttribute('target') || link.hasAttribute('download')) return undefined;
  const { origin, pathname, search } = new URL(href, location.href);
  const served = /^\/(v1|docs|openapi\.json|metrics|healthz|readyz)(\/|$)/.test(pathname);
  return origin !== location.origin || served ? undefined : pathname + search;
}

/** Whoever asks for a new tab gets one. */
function isPlain(event: MouseEvent): boolean {
  const keys = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  return event.button === 0 && !keys && !event.defaultPrevented;
}

function show(): void {
  address.value = location.pathname + location.search;
  scrollTo(0, 0);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
