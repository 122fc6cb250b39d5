import { sizeText } from '../config/units.ts';
import { duration, minute } from '../time-words.ts';
import type {
  AlertAnswer,
  ChannelTestAnswer,
  DefinitionAnswer,
  EngineStatusAnswer,
  EntryAnswer,
  EventAnswer,
  HoldAnswer,
  IntakeAnswer,
  RetentionAnswer,
  StatusAnswer,
  TestAnswer,
} from './answers.types.ts';
import { ago, type Column, pairs, printable, statusLabel, table } from './render.ts';

/** What each answer of the API looks like to a person. */
export function statusTable(definitions: readonly StatusAnswer[], now: number): string {
  const columns: readonly Column<StatusAnswer>[] = [
    { title: 'ID', of: ({ id }) => id },
    { title: 'TRANSPORT', of: ({ transport }) => transport },
    { title: 'SERVICE STATUS', of: ({ serviceStatus }) => statusLabel(serviceStatus) },
    { title: 'LAST SUCCESSFUL EXTRACT', of: ({ lastSuccessfulExtract }) => ago(lastSuccessfulExtract, now) },
    { title: 'PROCESSING QUEUE', of: ({ processingQueue }) => String(processingQueue.messages), right: true },
    { title: 'POP3 MAILBOX QUEUE', of: ({ pop3MailboxQueue }) => String(pop3MailboxQueue ?? '—'), right: true },
    { title: 'RECEIVED', of: ({ counts }) => String(counts['received'] ?? 0), right: true },
    { title: 'ARCHIVED', of: ({ counts }) => String(counts['archived'] ?? 0), right: true },
    { title: 'MATCHED', of: ({ counts }) => String(counts['matched'] ?? 0), right: true },
    { title: 'OTHER', of: ({ counts }) => String(others(counts)), right: true },
  ];
  const lines = definitions.map(
    (each) => hintLine(each) + canaryLine(each, now) + patienceLine(each, now) + warningLines(each.warnings, each.id),
  );
  return table(columns, definitions) + lines.join('');
}

export const engineStatus = ({ engine, definitions }: EngineStatusAnswer): string =>
  `Daybook ${engine.version}, ${engine.ready ? 'ready' : 'NOT READY'}, since ${engine.startedAt}\n${warningLines(engine.warnings)}\n${statusTable(definitions, Date.parse(engine.now))}`;

export const definitionTable = (definitions: readonly DefinitionAnswer[]): string =>
  table<DefinitionAnswer>(
    [
      { title: 'ID', of: ({ id }) => id },
      { title: 'DESCRIPTION', of: ({ description }) => description },
      { title: 'TRANSPORT', of: ({ transport }) => transport },
      { title: 'SUSPENDED', of: ({ suspended }) => (suspended ? 'yes' : 'no') },
    ],
    definitions,
  );

export const testTable = (steps: TestAnswer['steps']): string =>
  table<TestAnswer['steps'][number]>(
    [
      { title: 'STEP', of: ({ step }) => step },
      { title: 'RESULT', of: ({ ok, kind }) => (ok ? 'ok' : (kind ?? 'failed')) },
      { title: 'MS', of: ({ ms }) => String(ms), right: true },
      { title: 'DETAIL', of: ({ detail }) => detail },
    ],
    steps,
  );

export const messageTable = (entries: readonly EntryAnswer[]): string =>
  table<EntryAnswer>(
    [
      { title: 'ID', of: ({ id }) => id },
      { title: 'DATE', of: ({ date }) => date ?? '—' },
      { title: 'FROM', of: ({ from }) => from ?? '—' },
      { title: 'RECIPIENTS', of: ({ recipients }) => recipientsOf(recipients) },
      { title: 'SUBJECT', of: ({ subject }) => (subject ?? '').slice(0, 48) },
      { title: 'SIZE', of: (entry) => sizeText(entry.size), right: true },
      { title: 'FLAGS', of: ({ flags }) => flags.join(' ') },
    ],
    entries,
  );

export const intakeTable = (items: readonly IntakeAnswer[]): string =>
  table<IntakeAnswer>(
    [
      { title: 'ID', of: ({ id }) => id },
      { title: 'DEFINITION', of: ({ definition }) => definition ?? '(gateway)' },
      { title: 'STATE', of: ({ state }) => state },
      { title: 'REASON', of: ({ reason }) => reason ?? '' },
      { title: 'RECEIVED', of: ({ receivedAt }) => receivedAt },
      { title: 'SIZE', of: (item) => sizeText(item.size), right: true },
      { title: 'ATTEMPT', of: ({ attempt }) => String(attempt), right: true },
      { title: 'NEXT', of: ({ nextAttemptAt }) => nextAttemptAt ?? '' },
    ],
    items,
  );

export const holdTable = (holds: readonly HoldAnswer[]): string =>
  table<HoldAnswer>(
    [
      { title: 'ID', of: ({ id }) => id },
      { title: 'PLACED', of: ({ placedAt }) => placedAt },
      { title: 'BY', of: ({ placedBy }) => placedBy },
      { title: 'ON', of: heldBy },
      { title: 'REASON', of: ({ reason }) => reason },
    ],
    holds,
  );

function heldBy({ query, entries }: HoldAnswer): string {
  const filters = Object.entries(query ?? {}).map(([name, value]) => `${name}=${value}`);
  const named = entries.length === 0 ? [] : [`${entries.length} entries`];
  return query !== null && filters.length === 0 ? 'all mail' : [...filters, ...named].join(' ');
}

export const retentionTable = ({ paused, items }: RetentionAnswer): string =>
  table<RetentionAnswer['items'][number]>(
    [
      { title: 'DEFINITION', of: ({ definition }) => definition ?? '(gateway)' },
      { title: 'KEPT', of: ({ days }) => daysOf(days) },
      { title: 'IN FORCE', of: ({ inForceDays }) => daysOf(inForceDays) },
    ],
    items,
  ) + (paused === null ? '' : `PAUSED: the clock leapt from ${paused.from} to ${paused.to}\n`);

export const alertTable = (alerts: readonly AlertAnswer[], now: number): string =>
  table<AlertAnswer>(
    [
      { title: 'ID', of: ({ id }) => id },
      { title: 'SEVERITY', of: ({ severity }) => severity },
      {
        title: 'STATE',
        of: ({ state, acknowledgedBy }) => (state === 'open' ? 'OPEN' : stateBy(state, acknowledgedBy)),
      },
      { title: 'SINCE', of: ({ since }) => ago(since, now) },
      { title: 'WHAT', of: ({ title, text, note }) => `${title}: ${text}${note === null ? '' : ` (${note})`}` },
    ],
    alerts,
  );

const stateBy = (state: string, by: string | null): string =>
  state === 'acknowledged' && by !== null ? `${state} by ${by}` : state;

export const channelTestTable = (items: readonly ChannelTestAnswer[]): string =>
  table<ChannelTestAnswer>(
    [
      { title: 'CHANNEL', of: ({ channel }) => channel },
      { title: 'RESULT', of: ({ ok, detail }) => (ok ? 'sent' : `failed: ${detail ?? 'unknown'}`) },
    ],
    items,
  );

const daysOf = (days: number | null): string => (days === null ? 'for ever' : `${Math.round(days * 100) / 100} d`);

export const eventLine = ({ at, severity, type, definition, actor, intakeId, data }: EventAnswer): string =>
  `${printable(
    `${at}  ${severity.padEnd(7)}  ${type.padEnd(24)}  ${(definition ?? '—').padEnd(16)}  ${actor ?? '—'}  ${dataText(intakeId === null ? data : { intake: intakeId, ...data })}`,
  )}\n`;

/** What an event tells, `name=value` each; times of the engine and lengths of time as people read them, nothing for null. */
const dataText = (data: EventAnswer['data']): string =>
  Object.entries(data)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => {
      if (typeof value === 'number' && name.endsWith('Ms')) return `${name.slice(0, -2)}="${duration(value)}"`;
      if (typeof value === 'number' && name.endsWith('Bytes'))
        return `${name.slice(0, -5)}=${JSON.stringify(sizeText(value))}`;
      if (typeof value === 'number' && name.endsWith('At')) return `${name}="${minute(value)}"`;
      return `${name}=${typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)}`;
    })
    .join(' ');

/** One answer with all its fields. */
export const details = (answer: Readonly<Record<string, unknown>>): string =>
  pairs(
    Object.entries(answer).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );

const hintLine = ({ id, reason, hint }: StatusAnswer): string =>
  reason === null ? '' : `${printable(`${id}: ${reason}${hint === null ? '' : ` — ${hint}`}`)}\n`;

/** What an active status leaves out, as `daybook top` marks it. */
const warningLines = (warnings: StatusAnswer['warnings'], id?: string): string =>
  warnings.map(({ text }) => `${printable(`! ${id === undefined ? '' : `${id}: `}${text}`)}\n`).join('');

/** What may wait at the sender, and how long it waits there. */
function patienceLine({ id, patience }: StatusAnswer, now: number): string {
  if (patience === null) return '';
  const until = (time: string): string => {
    const leftMs = Date.parse(time) - now;
    return leftMs > 0 ? `for ${duration(leftMs)} more` : `no more, since ${minute(Date.parse(time))}`;
  };
  const { exchangeUntil, gmailUntil } = patience;
  return `${id}: what waits at the sender is kept by Exchange ${until(exchangeUntil)}, by Gmail ${until(gmailUntil)}\n`;
}

function canaryLine({ id, canary }: StatusAnswer, now: number): string {
  if (canary === null || canary === undefined) return '';
  const { standing, lastCameAt, lastTookSeconds, missed, unsent } = canary;
  const last = lastCameAt === null ? 'none has come yet' : `the last came ${ago(lastCameAt, now)}`;
  const took = lastTookSeconds === null ? '' : `, after ${duration(lastTookSeconds * 1_000)}`;
  const said = { missing: ` (${missed} in a row)`, unsent: ` (${unsent})` }[standing] ?? '';
  return `${id}: canary ${standing}${said}; ${last}${took}\n`;
}

const others = (counts: Readonly<Record<string, number>>): number =>
  ['skipped', 'held', 'quarantined'].reduce((sum, name) => sum + (counts[name] ?? 0), 0);

const recipientsOf = (recipients: EntryAnswer['recipients']): string => {
  const shown = recipients.slice(0, 3).map(({ type, address }) => `${type}:${address}`);
  return recipients.length > 3 ? `${shown.join(' ')} +${recipients.length - 3}` : shown.join(' ');
};
