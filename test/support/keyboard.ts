import type { Page } from 'playwright-core';

/** What has the focus, as a person at the keys meets it. */
export interface Focused {
  /** Its words: those of its label where it has one. */
  readonly name: string;
  readonly tag: string;
  /** An outline is drawn around it, or a line around the box in it. */
  readonly isSeen: boolean;
  /** It is in the window, and nothing lies over it. */
  readonly isClear: boolean;
  readonly inDialog: boolean;
}

/** Runs in the page. */
const look = `(() => {
  const element = document.activeElement;
  if (element === null || element === document.body) return { name: '', tag: 'body', isSeen: false, isClear: true, inDialog: false };
  const label = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent ?? '';
  const style = getComputedStyle(element);
  const box = element.querySelector('.step > rect');
  const lit = box !== null && parseFloat(getComputedStyle(box).strokeWidth) > 1;
  const { x, y, width, height } = element.getClientRects()[0] ?? element.getBoundingClientRect();
  const above = document.elementFromPoint(x + Math.min(width / 2, 40), y + Math.min(height / 2, 12));
  return {
    name: label.replaceAll(/\\s+/g, ' ').trim(),
    tag: element.localName,
    isSeen: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || lit,
    isClear: above !== null && (element.contains(above) || above.contains(element) || above.localName === 'label'),
    inDialog: element.closest('dialog') !== null,
  };
})()`;

export const focused = (page: Page): Promise<Focused> => page.evaluate(look);

/** Many times round any page, which may still be reading: whoever needs them has missed it. */
const mostSteps = 1_500;

/**
 * Goes on with Tab to what has these words and gives it. @throws Error for a place on the way that is not seen or lies under
 * something, and where it is not come to.
 */
export async function tabTo(page: Page, words: string | RegExp, { back = false } = {}): Promise<Focused> {
  const passed: string[] = [];
  for (let steps = 0; steps < mostSteps; steps += 1) {
    await page.keyboard.press(back ? 'Shift+Tab' : 'Tab');
    const at = await focused(page);
    if (at.tag !== 'body' && !at.isSeen) throw new Error(`the focus is not seen at ${at.tag} ${at.name}`);
    if (!at.isClear) throw new Error(`something lies over ${at.tag} ${at.name}`);
    if (typeof words === 'string' ? at.name === words || at.name.startsWith(`${words} `) : words.test(at.name))
      return at;
    passed.push(at.name.slice(0, 40));
  }
  throw new Error(`no Tab comes to ${words}: ${[...new Set(passed)].join(' | ')}`);
}

/** Tab to it, then Enter. */
export async function enter(page: Page, words: string | RegExp): Promise<void> {
  await tabTo(page, words);
  await page.keyboard.press('Enter');
}

/** Tab to a field, and these words in the place of those that it has. */
export async function fill(page: Page, label: string | RegExp, text: string): Promise<void> {
  await tabTo(page, label);
  await page.keyboard.press('Control+a');
  await (text === '' ? page.keyboard.press('Delete') : page.keyboard.insertText(text));
}
