import { createHash } from 'node:crypto';
import { DerReader, type DerValue, encoded, oid, oidOf, tags, unsigned } from './der.ts';

/** Object identifiers of RFC 3161, RFC 5652 and RFC 5754. */
const oids = {
  sha256: '2.16.840.1.101.3.4.2.1',
  signedData: '1.2.840.113549.1.7.2',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
} as const;

/** Size of the number that ties an answer to its question. */
export const nonceBytes = 16;
/** A token with its certificates has some 5 KB. */
export const maxResponseBytes = 65_536;

/** What a time-stamp says, once it was checked. */
export interface TimeStamp {
  /** When the authority saw the hash, as it wrote it: `20261125213000Z`. */
  readonly genTime: string;
}

/** A TimeStampReq (RFC 3161 section 2.4.1) over the SHA-256 of `bytes`; the certificate of who signs is asked for. */
export function timeStampRequest(bytes: Uint8Array, nonce: Uint8Array): Buffer {
  const algorithm = encoded(tags.sequence, oid(oids.sha256), Buffer.from([0x05, 0x00]));
  const imprint = encoded(tags.sequence, algorithm, encoded(tags.octets, sha256Of(bytes)));
  const certReq = encoded(tags.boolean, Buffer.from([0xff]));
  return encoded(tags.sequence, unsigned(Buffer.from([1])), imprint, unsigned(nonce), certReq);
}

/**
 * Checks a TimeStampResp (section 2.4.2): granted, over the SHA-256 of `bytes`, and in answer to our question (`nonce`;
 * null: it is not known any more). The signature of the authority is not checked: its certificate is nothing that we know,
 * and `openssl ts -verify` does it for who does.
 * @throws RangeError saying what is wrong
 */
export function readTimeStamp(response: Buffer, bytes: Uint8Array, nonce: Uint8Array | null): TimeStamp {
  if (response.length > maxResponseBytes) throw new RangeError('a time-stamp larger than any');
  const outer = new DerReader(response);
  const answer = outer.within(tags.sequence);
  if (!outer.isDone) throw new RangeError('something behind the time-stamp');
  const status = answer.within(tags.sequence).number();
  // 0 is granted, 1 granted with modifications; what was modified must still fit.
  if (status !== 0 && status !== 1) throw new RangeError(`the authority refused (status ${status})`);
  const info = new DerReader(tstInfoOf(answer));
  const stamp = info.within(tags.sequence);
  if (stamp.number() !== 1) throw new RangeError('a time-stamp of another version');
  oidOf(stamp.value(tags.oid));
  checkImprint(stamp.within(tags.sequence), sha256Of(bytes));
  stamp.value(tags.integer);
  const genTime = stamp.value(tags.time).content.toString('latin1');
  if (!/^\d{14}(?:\.\d{1,9})?Z$/.test(genTime)) throw new RangeError('a time-stamp without a time');
  stamp.optional(tags.sequence);
  stamp.optional(tags.boolean);
  const answered = stamp.optional(tags.integer);
  if (nonce !== null && !isNonce(answered, nonce)) throw new RangeError('a time-stamp in answer to another question');
  return { genTime };
}

/** ContentInfo, SignedData, EncapsulatedContentInfo, and within it the DER of TSTInfo. */
function tstInfoOf(answer: DerReader): Buffer {
  const content = answer.within(tags.sequence);
  if (oidOf(content.value(tags.oid)) !== oids.signedData) throw new RangeError('no signed data');
  const signed = content.within(tags.context0).within(tags.sequence);
  signed.number();
  signed.value();
  const enclosed = signed.within(tags.sequence);
  if (oidOf(enclosed.value(tags.oid)) !== oids.tstInfo) throw new RangeError('no time-stamp in the signed data');
  return enclosed.within(tags.context0).value(tags.octets).content;
}

function checkImprint(imprint: DerReader, expected: Buffer): void {
  const algorithm = oidOf(imprint.within(tags.sequence).value(tags.oid));
  const hashed = imprint.value(tags.octets).content;
  if (algorithm !== oids.sha256 || !hashed.equals(expected)) throw new RangeError('a time-stamp of something else');
}

const isNonce = (answered: DerValue | undefined, nonce: Uint8Array): boolean =>
  answered !== undefined && encoded(tags.integer, answered.content).equals(unsigned(nonce));

const sha256Of = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
