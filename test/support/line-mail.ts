import { entryView } from '../../streams/entry-view.ts';
import type { Line } from './line.ts';
import { buildMessage, buildReport } from './mail.ts';

export const atOnce = { deliveryWaitAttempts: 1 };
/** A report of `original` to these people. */
export const reportOf = (original: Uint8Array, ...recipients: readonly string[]): Buffer =>
  buildReport({ recipients: recipients.map((address) => ({ address })), originals: [original] });
export const reportTo = (...recipients: readonly string[]): Buffer => reportOf(buildMessage(), ...recipients);
/** A message with a Message-ID of its own. */
export const other = (id: number, parts: Parameters<typeof buildMessage>[0] = {}): Buffer =>
  buildMessage({ messageId: `<m${id}@north.example>`, ...parts });
export const addressesOf = (line: Line, at = 0): readonly string[] => {
  const entry = line.entries[at];
  return entry === undefined ? [] : entryView(entry).recipients.map(({ address }) => address);
};
