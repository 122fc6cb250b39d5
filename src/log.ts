import { pino } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
/** Writes one line; `data` holds ids, counts and codes, never mail and never a secret. */
export type Log = (level: LogLevel, text: string, data?: Readonly<Record<string, unknown>>) => void;

/** JSON lines on standard error; pretty where that is a terminal. */
export async function openLog(level: LogLevel): Promise<Log> {
  const logger = process.stderr.isTTY
    ? pino({ level }, await prettyStream())
    : pino({ level }, pino.destination({ fd: 2, sync: true }));
  return (at, text, data) => logger[at](data ?? {}, text);
}

/** Loaded only on a terminal: a service never needs it. */
async function prettyStream() {
  const { default: pretty } = await import('pino-pretty');
  return pretty({ destination: 2, sync: true, ignore: 'pid,hostname' });
}
