import { hash } from 'node:crypto';
import { digestOriginals, needsContentHash, primaryBytes } from '../../streams/open-mail.ts';
import { hashContent } from '../content/content-hash.ts';
import { answerJobs } from '../job-worker.ts';
import { namedIn } from '../report/named.ts';
import { unwrap } from '../report/unwrap.ts';
import { checked, decode } from '../store/bodies.ts';
import type { LargeAnswer, LargeJob } from './large-mail.types.ts';

const hashBytes = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex');

/** The thread for large mail: checks, opens and decodes it, so that the main thread never works on a large message. */
answerJobs(answerTo, (answer: LargeAnswer) => [answer.kind === 'open' ? answer.place : answer.bytes.buffer]);

async function answerTo(job: LargeJob): Promise<LargeAnswer> {
  if (job.kind === 'read') return { kind: 'read', bytes: ownBytes(checked(job.bytes, job)) };
  const { bytes, sha256, unwrapOptions } = job;
  checked(bytes, { decoding: 'identity', sha256, where: 'a large message' });
  // The directory is not here: who is asked for is noted, and both answers are worked out.
  const senders: string[] = [];
  const outside = unwrap(bytes, {
    ...unwrapOptions,
    isInternal: (address) => {
      senders.push(address);
      return false;
    },
  });
  const parsed = senders.length === 0 ? outside : unwrap(bytes, { ...unwrapOptions, isInternal: () => true });
  const versions = digestOriginals(parsed, { bytes, sha256 }, { decode, hashBytes });
  const primary = needsContentHash(parsed, job) ? primaryBytes(parsed, versions, { bytes, ...unwrapOptions }) : null;
  return {
    kind: 'open',
    parsed,
    outside: senders.length === 0 ? null : outside,
    senders,
    versions: versions.map((version) => ({ sha256: version.sha256, size: version.size })),
    contentHash: primary === null ? null : await hashContent(primary),
    named: namedIn(bytes, parsed),
    place: bytes.buffer,
  };
}

/** A small result may lie in memory that others share, which cannot be given away. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength
    ? (bytes as Uint8Array<ArrayBuffer>)
    : new Uint8Array(bytes);
}
