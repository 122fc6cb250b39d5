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
    if (!(link instanceof HTMLAnchorElement) || !isOurs(event, link)) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

/** A plain click on a link to a page of the console; whoever asks for a new tab gets one. */
function isOurs(event: MouseEvent, link: HTMLAnchorElement): boolean {
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  const outside = link.target !== '' || link.hasAttribute('download') || link.origin !== location.origin;
  const served = /^\/(v1|docs|openapi\.json|metrics|healthz|readyz)(\/|$)/.test(link.pathname);
  return plain && !outside && !served && !event.defaultPrevented && link.getAttribute('href')?.startsWith('#') !== true;
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
