/**
 * Gives the focus a place where its own is gone: a button that did its work, a search that was cleared, the form that one
 * has signed in by. The heading takes it, so that keys and readers go on from there and not from the top.
 */
export function followFocus(): void {
  let last: EventTarget | null = null;
  addEventListener('focusin', ({ target }) => {
    last = target;
  });
  // Who clicks beside everything wants the focus nowhere.
  addEventListener('pointerdown', () => {
    last = null;
  });
  new MutationObserver(() => {
    if (document.activeElement !== document.body || !(last instanceof Node) || last.isConnected) return;
    last = null;
    focusHeading();
  }).observe(document.body, { childList: true, subtree: true });
}

export function focusHeading(): void {
  document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
}
