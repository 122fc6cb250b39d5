import { parseDurationMs } from '../config/units.ts';
import type { EngineStatusAnswer, StatusAnswer, StoreAnswer, WarningAnswer } from './answers.types.ts';
import { type CheckCode, checkCodes } from './exit-codes.ts';
import { printable, statusLabel } from './render.ts';

/** Where a figure begins to be a warning, and where critical; undefined: never. In the unit of the figure. */
export interface Threshold {
  readonly warning: number | undefined;
  readonly critical: number | undefined;
}
export interface Thresholds {
  /** Messages in the processing queue of one definition. */
  readonly queue: Threshold;
  /** Seconds since the oldest message of the queue came. */
  readonly oldest: Threshold;
  /** Seconds since the last successful extract. */
  readonly extract: Threshold;
  /** Days until the disk is full; here less is worse. */
  readonly diskDays: Threshold;
}
/** One line for a monitor, and how the check ends. */
export interface CheckResult {
  readonly state: keyof typeof checkCodes;
  readonly code: CheckCode;
  readonly text: string;
  readonly perfdata: readonly Perfdata[];
}
/** One figure as monitors draw it: `'label'=value[unit];warning;critical;0`. */
export interface Perfdata {
  readonly label: string;
  /** Null where there is none yet. */
  readonly value: number | null;
  readonly unit: '' | 's' | 'B' | 'c';
  readonly warning: number | null;
  readonly critical: number | null;
  /** The thresholds are met from above: less is worse. */
  readonly below?: true;
}
interface Finding {
  readonly state: 'warning' | 'critical';
  readonly text: string;
}

/** Warnings that mean stored mail is at risk; every other one is a warning here too. */
const gravest: ReadonlySet<string> = new Set(['damaged', 'damage-found', 'storage', 'canary-missing']);

/**
 * Judges a status as a monitor does: `error`, `down` and an engine that is not ready are critical, a suspension and
 * every warning of the engine or of a definition is a warning, and figures are held to the thresholds.
 * Of the disk nothing is said without `store`.
 */
export function judgeStatus(
  { engine, definitions }: EngineStatusAnswer,
  thresholds: Thresholds,
  store?: StoreAnswer,
): CheckResult {
  const now = Date.parse(engine.now);
  const ready: readonly Finding[] = engine.ready ? [] : [{ state: 'critical', text: 'the engine is not ready' }];
  const figures = definitions.flatMap((definition) => figuresOf(definition, thresholds, now));
  const findings = [
    ...ready,
    ...engine.warnings.map((warning) => ofWarning('', warning)),
    ...definitions.flatMap(ofDefinition),
    ...figures.flatMap(ofFigure),
    ...(store === undefined ? [] : ofDisk(store, thresholds.diskDays)),
  ];
  const state = worst(findings);
  const told = [...of('critical', findings), ...of('warning', findings)];
  return {
    state,
    code: checkCodes[state],
    text: told.length > 0 ? told.join(', ') : `${definitions.length} definitions, ${queued(definitions)} in process`,
    perfdata: [
      ...figures.map(({ perfdata }) => perfdata),
      ...(store === undefined ? [] : diskPerfdata(store, thresholds.diskDays)),
    ],
  };
}

/** The result where there is no status to judge. */
export const without = (state: 'critical' | 'unknown', text: string): CheckResult => ({
  state,
  code: checkCodes[state],
  text,
  perfdata: [],
});

/** `DAYBOOK OK - text | perfdata`, one line whatever the text holds. */
export function checkLine({ state, text, perfdata }: CheckResult): string {
  // A bar would end the text, and what follows be taken for figures.
  const line = `DAYBOOK ${state.toUpperCase()} - ${printable(text).replaceAll('|', '/')}`;
  return perfdata.length === 0 ? `${line}\n` : `${line} | ${perfdata.map(perfdataText).join(' ')}\n`;
}

/** `1000,10000` or `1000`; undefined where it is none. `read` takes one of the two. */
export function parseThreshold(
  text: string | undefined,
  read: (part: string) => number | undefined,
  worse: 'more' | 'less' = 'more',
): Threshold | undefined {
  if (text === undefined) return { warning: undefined, critical: undefined };
  const [warning, critical, ...more] = text.split(',').map((part) => read(part.trim()));
  const isPair = text.includes(',');
  if (warning === undefined || (isPair && critical === undefined) || more.length > 0) return undefined;
  const isTwisted = critical !== undefined && (worse === 'more' ? critical < warning : critical > warning);
  return isTwisted ? undefined : { warning, critical };
}
export const readCount = (text: string): number | undefined => (/^\d{1,12}$/.test(text) ? Number(text) : undefined);
export const readSeconds = (text: string): number | undefined => {
  const ms = parseDurationMs(text);
  return ms === undefined ? undefined : ms / 1_000;
};

interface Figure {
  readonly id: string;
  readonly name: string;
  readonly perfdata: Perfdata;
}

function figuresOf(definition: StatusAnswer, thresholds: Thresholds, now: number): readonly Figure[] {
  const { id, processingQueue, lastSuccessfulExtract, counts, serviceStatus } = definition;
  const since = (at: string | null): number | null =>
    at === null ? null : Math.max(0, Math.round((now - Date.parse(at)) / 1_000));
  const none: Threshold = { warning: undefined, critical: undefined };
  const figure = (
    name: string,
    value: number | null,
    [unit, { warning, critical }]: readonly [Perfdata['unit'], Threshold],
  ): Figure => {
    const perfdata = { label: `${id}.${name}`, value, unit, warning: warning ?? null, critical: critical ?? null };
    return { id, name, perfdata };
  };
  // Nobody waits for mail of a suspended definition: that it is suspended is told instead.
  const extract = serviceStatus === 'suspended' ? none : thresholds.extract;
  return [
    figure('queue', processingQueue.messages, ['', thresholds.queue]),
    figure('queue_bytes', processingQueue.bytes, ['B', none]),
    figure('oldest', since(processingQueue.oldest) ?? 0, ['s', thresholds.oldest]),
    figure('extract', since(lastSuccessfulExtract), ['s', extract]),
    figure('received', counts['received'] ?? 0, ['c', none]),
    figure('archived', counts['archived'] ?? 0, ['c', none]),
  ];
}

/** No days are known in the first hour, and none are counted while nothing comes: that is no reason to wake anybody. */
function ofDisk({ growth }: StoreAnswer, { warning, critical }: Threshold): readonly Finding[] {
  const left = growth?.daysLeft ?? null;
  if (left === null) return [];
  const text = `the disk has room for ${Math.floor(left)} days`;
  if (critical !== undefined && left <= critical) return [{ state: 'critical', text }];
  return warning !== undefined && left <= warning ? [{ state: 'warning', text }] : [];
}

function diskPerfdata({ growth, disk }: StoreAnswer, { warning, critical }: Threshold): readonly Perfdata[] {
  const left = growth?.daysLeft ?? null;
  const days = left === null ? null : Math.floor(left);
  return [
    { label: 'disk_days', value: days, unit: '', warning: warning ?? null, critical: critical ?? null, below: true },
    { label: 'disk_free', value: disk.freeBytes, unit: 'B', warning: null, critical: null },
  ];
}

const meanings: Readonly<Record<string, string>> = {
  queue: 'messages in process',
  oldest: 's old is the oldest message in process',
  extract: 's since the last successful extract',
};

function ofFigure({ id, name, perfdata: { value, warning, critical } }: Figure): readonly Finding[] {
  const beyond = (limit: number | null): boolean => limit !== null && value !== null && value >= limit;
  const text = `${id}: ${value} ${meanings[name]}`;
  if (beyond(critical)) return [{ state: 'critical', text }];
  return beyond(warning) ? [{ state: 'warning', text }] : [];
}

function ofDefinition({ id, serviceStatus, hint, reason, warnings }: StatusAnswer): readonly Finding[] {
  const why = [reason, hint].filter((part) => part !== null).join(', ');
  const text = `${id} is ${statusLabel(serviceStatus)}${why === '' ? '' : ` (${why})`}`;
  const told = warnings.map((warning) => ofWarning(`${id}: `, warning));
  if (serviceStatus === 'error' || serviceStatus === 'down') return [{ state: 'critical', text }, ...told];
  return serviceStatus === 'suspended' ? [{ state: 'warning', text }, ...told] : told;
}

const ofWarning = (whose: string, { code, text }: WarningAnswer): Finding => ({
  state: gravest.has(code) ? 'critical' : 'warning',
  text: `${whose}${text}`,
});

const of = (state: Finding['state'], findings: readonly Finding[]): readonly string[] =>
  findings.filter((finding) => finding.state === state).map(({ text }) => text);

function worst(findings: readonly Finding[]): 'ok' | Finding['state'] {
  if (of('critical', findings).length > 0) return 'critical';
  return findings.length > 0 ? 'warning' : 'ok';
}

const queued = (definitions: readonly StatusAnswer[]): number =>
  definitions.reduce((sum, { processingQueue }) => sum + processingQueue.messages, 0);

/** A range that is alerted outside of is written `30:` where less is worse. */
function perfdataText({ label, value, unit, warning, critical, below }: Perfdata): string {
  if (value === null) return `'${label}'=U`;
  const range = (limit: number | null): string => (limit === null ? '' : `${limit}${below === true ? ':' : ''}`);
  return `'${label}'=${value}${unit};${range(warning)};${range(critical)};0`;
}
