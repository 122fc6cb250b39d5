import { createHash } from 'node:crypto';
import { promised } from './journal-api.ts';
import { buildMessage, buildReport, type ReportParts } from './mail.ts';
import { SmtpClient, type SmtpReply } from './smtp-client.ts';

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The Date of a message that is sent now. */
export const dateOf = (at: number = Date.now()): string => new Date(at).toUTCString().replace('GMT', '+0000');

/** What a server receives of these bytes: DATA ends with CRLF, so it is added where it lacks (interface section 6). */
export function received(bytes: Uint8Array): Buffer {
  const body = Buffer.from(bytes);
  return body.subarray(-2).toString('latin1') === '\r\n' ? body : Buffer.concat([body, Buffer.from('\r\n')]);
}

/** The Date of the invitation `name`, when it was asked for first: two copies are one message, whatever second it is. */
const datedFirst = new Map<string, string>();
function firstDateOf(name: string): string {
  const date = datedFirst.get(name) ?? dateOf();
  datedFirst.set(name, date);
  return date;
}

/** A report about the lunch invitation `name`. */
export function lunchReport(name: string, parts: ReportParts = {}): Buffer {
  const messageId = idOf(name);
  const original = buildMessage({ messageId, date: firstDateOf(name) });
  return buildReport({ messageId, originals: [original], ...parts });
}
/** The lunch invitation `name` itself. */
export const lunch = (name: string, date: string = firstDateOf(name)): Buffer =>
  buildMessage({ messageId: idOf(name), date });

export const idOf = (name: string): string => `<${name}@north.example>`;

/** Sends one message on a connection of its own. @throws Error when it is not acknowledged */
export async function deliver(port: number, to: readonly string[], bytes: Uint8Array): Promise<Acknowledged> {
  await using client = await SmtpClient.ready(port);
  const reply = await client.mail(to, bytes, 'MicrosoftExchange0@north.example');
  return promiseIn(reply);
}
export interface Acknowledged {
  readonly id: string;
  readonly ids: readonly string[];
  readonly sha256: string;
}

export function promiseIn({ code, text }: SmtpReply): Acknowledged {
  if (code !== 250) throw new Error(`not acknowledged: ${code} ${text}`);
  const { ids, sha256: hash } = promised(text);
  return { id: ids[0] ?? '', ids, sha256: hash };
}
