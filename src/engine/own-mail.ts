import { addressKey } from '../../streams/address-key.ts';
import type { Parsed } from '../../streams/message.ts';
import type { OwnFlag } from '../../streams/unwrap.ts';
import {
  type CanaryMarks,
  canaryHeader,
  createCanaryMarks,
  createOwnNotices,
  noticeHeader,
  type OwnNotices,
} from '../alert/own-notice.ts';
import { fieldText, findField, readHeaderBlock } from '../report/header-block.ts';
import { readMessageId } from '../report/header-facts.ts';
import { alertRecipients } from './channels-of.ts';
import type { DefinitionBook } from './definition-book.types.ts';
import { definitionKey } from './definition-secrets.ts';
import type { Workshop } from './workshop.ts';

/** Knows mail of this engine that was journaled back to it: alerts (journaling c.7) and canaries (N5). */
export interface OwnMail {
  /**
   * The flag of an alert of ours to nobody but those who get alerts, or of a canary to nobody but its mailbox: with
   * recipients of its own, a copy of the mark hides no mail from the archive. Null for all other mail.
   */
  flagOf(bytes: Uint8Array, parsed: Parsed): OwnFlag | null;
  /** True where a mark stands anywhere: such mail is no sign of life. Cheap. */
  maybe(bytes: Uint8Array): boolean;
  /** False while nothing of ours can come back: then no mail is looked at. */
  seeks(): boolean;
}

/** What is told apart. */
export interface OwnMarks {
  readonly notices: OwnNotices;
  /** Everybody who gets alerts by mail. */
  readonly recipients: readonly string[];
  readonly canaries: CanaryMarks;
  /** Whether any definition sends them now. */
  readonly hasCanaries: () => boolean;
}

const [notice, canary] = [noticeHeader, canaryHeader].map((name) => ({
  mark: Buffer.from(`${name}: `),
  field: name.toLowerCase(),
})) as [Header, Header];
interface Header {
  readonly mark: Buffer;
  readonly field: string;
}

/** Of this data directory: what another engine sends is mail like any other. @throws EngineFailure as {@link definitionKey} */
export async function openOwnMail(
  options: Workshop['options'],
  book: DefinitionBook,
): Promise<Pick<Workshop, 'notices' | 'canaryMarks' | 'ownMail'>> {
  const key = await definitionKey(options.dataDir);
  const [notices, canaryMarks] = [createOwnNotices(key), createCanaryMarks(key)];
  const hasCanaries = anyCanary(book);
  const ownMail = createOwnMail({ notices, recipients: alertRecipients(options), canaries: canaryMarks, hasCanaries });
  return { notices, canaryMarks, ownMail };
}

/** Asked for each message: looked up anew only when a definition has changed. */
function anyCanary(book: DefinitionBook): () => boolean {
  let known = { revision: -1, any: false };
  return () => {
    if (known.revision !== book.revision) {
      known = { revision: book.revision, any: book.all().some(({ config }) => config.canary !== undefined) };
    }
    return known.any;
  };
}

export function createOwnMail({ notices, recipients, canaries, hasCanaries }: OwnMarks): OwnMail {
  const alerted = new Set(recipients.map(addressKey));
  const has = (bytes: Uint8Array, { mark }: Header): boolean => bufferOf(bytes).includes(mark);
  const maybeNotice = (bytes: Uint8Array): boolean => alerted.size > 0 && has(bytes, notice);
  const maybeCanary = (bytes: Uint8Array): boolean => hasCanaries() && has(bytes, canary);
  const isNotice = (bytes: Uint8Array, parsed: Parsed): boolean => {
    const found = markIn(bufferOf(bytes), parsed, notice);
    return found !== null && toThemAlone(parsed, alerted) && notices.isOurs(found.mark, found.messageId);
  };
  const isCanary = (bytes: Uint8Array, parsed: Parsed): boolean => {
    const found = markIn(bufferOf(bytes), parsed, canary);
    return (
      found !== null &&
      addressesOf(parsed).some(
        (to) => toThemAlone(parsed, new Set([to])) && canaries.isOurs(found.mark, { messageId: found.messageId, to }),
      )
    );
  };
  return {
    seeks: () => alerted.size > 0 || hasCanaries(),
    maybe: (bytes) => maybeNotice(bytes) || maybeCanary(bytes),
    flagOf: (bytes, parsed) => {
      if (maybeNotice(bytes) && isNotice(bytes, parsed)) return 'own-notice';
      return maybeCanary(bytes) && isCanary(bytes, parsed) ? 'canary' : null;
    },
  };
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

/** A list that gets them may have been expanded to its members. */
function toThemAlone({ recipients }: Parsed, known: ReadonlySet<string>): boolean {
  const isKnown = (address: string): boolean => known.has(addressKey(address));
  return (
    recipients.length > 0 &&
    recipients.every(({ address, via }) => isKnown(address) || via.some((step) => isKnown(step.address)))
  );
}

/** Where all that it went to is one mailbox, its address is among those of the first recipient. */
function addressesOf({ recipients: [first] }: Parsed): readonly string[] {
  return first === undefined ? [] : [first.address, ...first.via.map(({ address }) => address)].map(addressKey);
}

/** The mark in the headers of the mail itself, and the Message-ID that it is for. */
function markIn(bytes: Buffer, { originals, primary }: Parsed, { field: name }: Header) {
  const [start, end] = originals[primary ?? 0]?.ranges[0] ?? [0, 0];
  const block = readHeaderBlock(bytes, start, end);
  const [field, id] = [findField(block, name), findField(block, 'message-id')];
  const messageId = id === undefined ? null : readMessageId(fieldText(block, id));
  return field === undefined || messageId === null ? null : { mark: fieldText(block, field), messageId };
}
