import type { Alert } from '../../streams/alert.ts';
import { minute } from '../time-words.ts';
import { steps, titleOf } from './alert-words.ts';

/** Alerts that one mail spells out; of a storm the rest is counted. */
const spelledOut = 50;

export interface MailText {
  readonly subject: string;
  readonly text: string;
}

/** One mail about all that there is to say: a storm is one mail with counts. `instance`: the name of the machine. */
export function mailText(alerts: readonly Alert[], instance: string): MailText {
  const grouped = steps.map(([step, heading, word]) => ({
    heading,
    word,
    of: alerts.filter((each) => each.step === step),
  }));
  const groups = grouped.filter(({ of }) => of.length > 0);
  const [only, ...others] = alerts;
  const counts = groups.map(({ word, of }) => `${of.length} ${word}`).join(', ');
  const said = only === undefined || others.length > 0 ? counts : `${titleOf(only)}${suffixOf(only)}`;
  let left = spelledOut;
  const parts = groups.map(({ heading, of }) => {
    const shown = of.slice(0, Math.max(0, left));
    left -= shown.length;
    const more = of.length - shown.length;
    const rest = more === 0 ? [] : [`and ${more} more: \`daybook alerts list\` shows them all`];
    return [`${heading} (${of.length})`, ...shown.map(paragraph), ...rest].join('\n\n');
  });
  const text = `${parts.join('\n\n\n')}\n\n-- \nDaybook on ${instance}\n`;
  return { subject: `[Daybook ${instance}] ${said}`, text };
}

function suffixOf({ step }: Alert): string {
  const [, , word] = steps.find(([each]) => each === step) ?? [];
  return step === 'raised' ? '' : ` (${word})`;
}

function paragraph(alert: Alert): string {
  const { id, step, text, advice, since, acknowledged, resolvedAt } = alert;
  const lines = [`${titleOf(alert)}, since ${minute(since)}`];
  if (step === 'resolved') {
    lines.push(`ended at ${minute(resolvedAt ?? since)}`, `it was: ${text}`);
    return lines.join('\n  ');
  }
  lines.push(text);
  if (acknowledged !== null) {
    lines.push(`acknowledged by ${acknowledged.by}${acknowledged.note === null ? '' : `: ${acknowledged.note}`}`);
    return lines.join('\n  ');
  }
  if (advice !== null) lines.push(advice);
  lines.push(`daybook alerts acknowledge ${id}`);
  return lines.join('\n  ');
}
