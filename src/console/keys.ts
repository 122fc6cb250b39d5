/** `/` goes to the search of the page, or of the console; Escape leaves it. Not while something is typed elsewhere. */
export function followKeys(): void {
  addEventListener('keydown', (event) => {
    const { target } = event;
    if (event.key === 'Escape' && target instanceof HTMLInputElement && target.matches('[data-search]')) target.blur();
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping(target)) return;
    const field =
      document.querySelector<HTMLInputElement>('main [data-search]') ??
      document.querySelector<HTMLInputElement>('[data-search]');
    if (field === null) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches('input, select, textarea'));
}
