import type { Parsed } from '../../streams/message.ts';
import { createOwnNotices, noticeHeader, type OwnNotices } from '../alert/own-notice.ts';
import { addressKey } from '../config/address.ts';
import { fieldText, findField, readHeaderBlock } from '../report/header-block.ts';
import { readMessageId } from '../report/header-facts.ts';
import { alertRecipients } from './channels-of.ts';
import { definitionKey } from './definition-secrets.ts';
import type { Workshop } from './workshop.ts';

/** Knows alerts of this engine that were journaled back to it (journaling c.7). */
export interface OwnMail {
  /**
   * True for an alert of ours to nobody but those who get alerts: with recipients of its own, a copy of the mark hides no
   * mail from the archive.
   */
  isNotice(bytes: Uint8Array, parsed: Parsed): boolean;
  /** True where the mark stands anywhere: such mail is no sign of life. Cheap. */
  maybe(bytes: Uint8Array): boolean;
}

const mark = Buffer.from(`${noticeHeader}: `);
const fieldName = noticeHeader.toLowerCase();

/** Of this data directory: another engine's alerts are mail like any other. @throws EngineFailure as {@link definitionKey} */
export async function openOwnMail(options: Workshop['options']): Promise<Pick<Workshop, 'notices' | 'ownMail'>> {
  const notices = createOwnNotices(await definitionKey(options.dataDir));
  return { notices, ownMail: createOwnMail(notices, alertRecipients(options)) };
}

/** `recipients`: everybody who gets alerts by mail. Where there is nobody no mail is looked at. */
export function createOwnMail(notices: OwnNotices, recipients: readonly string[]): OwnMail {
  const known = new Set(recipients.map(addressKey));
  const maybe = (bytes: Uint8Array): boolean => known.size > 0 && bufferOf(bytes).includes(mark);
  return {
    maybe,
    isNotice: (bytes, parsed) =>
      maybe(bytes) && toThemAlone(parsed, known) && isMarked(bufferOf(bytes), parsed, notices),
  };
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

/** A list that gets alerts may have been expanded to its members. */
function toThemAlone({ recipients }: Parsed, known: ReadonlySet<string>): boolean {
  const isKnown = (address: string): boolean => known.has(addressKey(address));
  return (
    recipients.length > 0 &&
    recipients.every(({ address, via }) => isKnown(address) || via.some((step) => isKnown(step.address)))
  );
}

function isMarked(bytes: Buffer, { originals, primary }: Parsed, notices: OwnNotices): boolean {
  const [start, end] = originals[primary ?? 0]?.ranges[0] ?? [0, 0];
  const block = readHeaderBlock(bytes, start, end);
  const [field, id] = [findField(block, fieldName), findField(block, 'message-id')];
  const messageId = id === undefined ? null : readMessageId(fieldText(block, id));
  return field !== undefined && messageId !== null && notices.isOurs(fieldText(block, field), messageId);
}
