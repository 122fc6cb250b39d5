import type { ChangeAnswer, DryRunAnswer, ExplanationAnswer, ReparseAnswer } from './answers.types.ts';
import { type Column, pairs, printable, table } from './render.ts';

/** A dry run of one message for people: what it is, how it would end, each rule, what is near, what else could be. */
export function explanationText(answer: ExplanationAnswer): string {
  const { outcome, reason, entryId, definition, level, family, flags, stores, decidedAt } = answer;
  const head = pairs([
    ['definition', definition === null ? '(gateway)' : `${definition.id}, version ${definition.version}`],
    ['taken for', answer.takenFor],
    ['outcome', reason === null ? outcome : `${outcome}, ${reason}`],
    ['entry', entryId ?? '—'],
    ['level', [level ?? '—', ...(family === null ? [] : [family])].join(' ')],
    ['flags', flags.join(' ') || '—'],
    ['recipients', recipientsText(answer.recipients)],
    ['stored', stores.detail],
    ['decided', decidedAt === null ? 'at once' : `${decidedAt} at the latest`],
  ]);
  const parts = [head, section('Rules', rulesTable(answer))];
  if (answer.matches.length > 0) parts.push(section('In the archive', matchesTable(answer)));
  if (answer.whatIf.length > 0) parts.push(section('With another setting', answer.whatIf.map(whatIfLine).join('')));
  if (answer.untried.length > 0) parts.push(`\nNot tried, for want of time: ${answer.untried.join(', ')}\n`);
  if (answer.recorded !== null) parts.push(section('Recorded', recordedText(answer.recorded)));
  return parts.join('');
}

const section = (title: string, text: string): string => `\n${title}\n${text}`;

const rulesTable = ({ rules }: ExplanationAnswer): string =>
  table<ExplanationAnswer['rules'][number]>(
    [
      { title: 'RULE', of: ({ rule }) => rule },
      { title: 'VERDICT', of: ({ verdict }) => verdict },
      { title: 'BY', of: ({ option, value }) => (option === null ? '' : `${option}: ${value}`) },
      { title: 'WHY', of: ({ detail }) => detail },
    ],
    rules,
  );

const matchesTable = ({ matches }: ExplanationAnswer): string =>
  table<ExplanationAnswer['matches'][number]>(
    [
      { title: 'ENTRY', of: ({ entryId }) => entryId },
      { title: 'CASE', of: (match) => match.case },
      { title: 'JOINS', of: ({ joined }) => (joined ? 'yes' : 'no') },
      { title: 'DIFFERS IN', of: ({ differs }) => differs.join(' ') || '—' },
      { title: 'WHY', of: ({ why }) => why },
    ],
    matches,
  );

const whatIfLine = ({ option, from, to, changes }: ExplanationAnswer['whatIf'][number]): string =>
  `${printable(`${option}: ${to} instead of ${from}`)}\n${changes.map((change) => `  ${changeText(change)}\n`).join('')}`;

const recordedText = ({ state, reason, changes }: NonNullable<ExplanationAnswer['recorded']>): string => {
  const ended = `${state}${reason === null ? '' : `, ${reason}`}`;
  if (changes.length === 0) return `${printable(ended)}; today it would be the same\n`;
  return `${printable(ended)}; today it would be otherwise:\n${changes.map((each) => `  ${changeText(each)}\n`).join('')}`;
};

/** `outcome: archived → skipped`; of a list, what goes and what comes. */
const changeText = ({ field, from, to }: ChangeAnswer): string =>
  printable(
    Array.isArray(from) || Array.isArray(to)
      ? `${field}: ${[...signed('-', from), ...signed('+', to)].join(' ') || 'in another order'}`
      : `${field}: ${wordOf(from)} → ${wordOf(to)}`,
  );

const signed = (sign: string, list: unknown): readonly string[] =>
  Array.isArray(list) ? list.map((each) => `${sign}${wordOf(each)}`) : [];

function wordOf(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value !== 'object') return String(value);
  const { type, address, via } = value as { type?: string; address?: string; via?: readonly { address: string }[] };
  const way = (via ?? []).map((step) => ` via ${step.address}`).join('');
  return address === undefined ? JSON.stringify(value) : `${type}:${address}${way}`;
}

const maxShown = 8;
function recipientsText(recipients: ExplanationAnswer['recipients']): string {
  if (recipients === undefined) return 'not shown to this role';
  const shown = recipients.slice(0, maxShown).map(wordOf);
  const more = recipients.length > maxShown ? [`and ${recipients.length - maxShown} more`] : [];
  return [...shown, ...more].join(' ') || '—';
}

/** How many would end otherwise, which, and by which option. */
export function dryRunText({ options, looked, changed, waits, skipped, complete, items }: DryRunAnswer): string {
  const differing = options.map(({ option, from, to }) => `${option}: ${from} → ${to}\n`).join('');
  const head = options.length === 0 ? 'nothing that decides about mail differs\n' : differing;
  const counted = `${changed} of ${looked} messages would end otherwise, ${waits} would be waited for otherwise\n`;
  const columns = [
    ...changeColumns,
    { title: 'BY', of: ({ options: by }: DryRunAnswer['items'][number]) => by.join(' ') },
  ];
  const rows = items.length === 0 ? '' : `\n${table<DryRunAnswer['items'][number]>(columns, items)}`;
  return head + counted + leftOut(skipped, complete) + rows;
}

export function reparseText({ looked, changed, repairable, skipped, complete, items, next }: ReparseAnswer): string {
  const counted = `today's parser says otherwise of ${changed} of ${looked} messages; ${repairable} can be repaired with --apply\n`;
  const rows = items.length === 0 ? '' : `\n${table(reparseColumns, items)}`;
  return counted + leftOut(skipped, complete) + rows + (next === null ? '' : `more: --cursor ${next}\n`);
}

/** Of those that were repaired the number alone: each is told of in the event log. */
export function appliedText({ parser, looked, changed, repaired, skipped, items }: ReparseAnswer): string {
  const left = changed - repaired;
  const counted = `${repaired} of ${looked} messages are as parser ${parser} says\n`;
  const kept = left === 0 ? '' : `${left} stay as they are\n\n${table(reparseColumns, items)}`;
  return counted + leftOut(skipped, true) + kept;
}

const leftOut = (skipped: number, complete: boolean): string =>
  (skipped === 0 ? '' : `${skipped} left out: their bytes are gone or damaged\n`) +
  (complete ? '' : 'not all were looked at: the time was up\n');

const changeColumns: readonly Column<DryRunAnswer['items'][number] | ReparseAnswer['items'][number]>[] = [
  { title: 'ID', of: ({ id }) => id },
  { title: 'RECEIVED', of: ({ receivedAt }) => receivedAt },
  { title: 'STATE', of: ({ state }) => state },
  { title: 'WOULD BE', of: ({ changes }) => changes.map(changeText).join('; ') },
];
/** Why what differs is not repaired, in a few words. */
const whys: Readonly<Record<string, string>> = {
  'not-archived': 'nothing of it is in the archive',
  outcome: 'it would have ended otherwise',
  message: 'it would be another message',
  parser: 'no newer parser says so, but the settings',
  hold: 'it would come off a hold',
  changed: 'it changed meanwhile',
};
const reparseColumns: readonly Column<ReparseAnswer['items'][number]>[] = [
  ...changeColumns,
  { title: 'REPAIR', of: ({ repair, why }) => (why === null ? repair : `no: ${whys[why] ?? why}`) },
];
