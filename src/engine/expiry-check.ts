import { hash } from 'node:crypto';
import { judgeAge } from '../../streams/expiry.ts';
import { EngineFailure } from '../../streams/failure.ts';
import type { IngestPorts } from '../../streams/ingest.ts';
import type { Parsed } from '../../streams/message.ts';
import type { PostedMessage } from '../http/explain.types.ts';
import { isoTime } from '../time-words.ts';
import type { Definition } from './definition-book.types.ts';
import type { Workshop } from './workshop.ts';

/** A sender that keeps trying a refused message is told of once in this time. */
const repeatedAfterMs = 3_600_000;
/**
 * The times stand in the report's headers and text, which may have 1 MB, and in the first headers of the original. What
 * lies behind is not looked at: this is done while the sender waits.
 */
const judgedBytes = 2 * 1024 * 1024;
/** Refused messages remembered for that; beyond it the memory starts anew, which costs an event more. */
const maxRemembered = 10_000;

type Checking = Pick<Workshop, 'options' | 'book' | 'setup' | 'clock' | 'note' | 'examiners'>;

/**
 * The age check before the acknowledgement, only where `matching.expiredAction` is the one given (journaling c.6). What
 * `reject` refuses stands in the event log as `expired-rejected` with its ids: the sender may keep it no longer.
 */
export function expiryCheck(
  workshop: Checking,
  action: 'reject' | 'leave',
): Pick<IngestPorts, 'isExpired' | 'refusedByAge'> {
  const { options, book, clock, note } = workshop;
  const { matching } = options;
  if (matching.expiredAction !== action) return {};
  let toldAt = new Map<string, number>();
  const isTold = (key: string, at: number): boolean => {
    if (at - (toldAt.get(key) ?? Number.NEGATIVE_INFINITY) < repeatedAfterMs) return true;
    if (toldAt.size >= maxRemembered) toldAt = new Map();
    toldAt.set(key, at);
    return false;
  };
  return {
    isExpired: async (bytes, { definitionId }, receivedAt) => {
      const definition = book.get(definitionId ?? '');
      return definition !== undefined && isOverAge(workshop, definition, bytes, receivedAt);
    },
    refusedByAge: async (bytes, { destinations, transport }) => {
      const at = clock.now();
      const sha256 = hash('sha256', bytes, 'hex');
      for (const { definitionId } of destinations) {
        const definition = book.get(definitionId ?? '');
        if (definition === undefined || isTold(`${definitionId} ${sha256}`, at)) continue;
        const parsed = await examine(workshop, definition, bytes);
        if (parsed === null) continue;
        const { messageId, reportMessageId, times } = parsed;
        const { messageTime, suspectedClockSkew } = judgeAge(times, at, matching);
        const ids = { messageId, reportMessageId, sha256, size: bytes.length };
        const data = { ...ids, messageTime: isoTime(messageTime), suspectedClockSkew, peer: transport.peer };
        const common = { severity: 'warning', actor: 'engine', intakeId: null, entryId: null } as const;
        note({ ...common, type: 'expired-rejected', definitionId, data });
      }
    },
  };
}

/** What would become of a message that is over age, where it would not be accepted; null where it would. */
export async function refusesForAge(
  workshop: Checking,
  definition: Definition,
  { chunks }: Pick<PostedMessage, 'chunks'>,
): Promise<'rejected' | 'left' | null> {
  const { expiredAction } = workshop.options.matching;
  const { transport } = definition.config;
  const applies = transport === 'smtp' ? expiredAction === 'reject' : expiredAction === 'leave';
  if (!applies) return null;
  if (!(await isOverAge(workshop, definition, startOf(chunks), workshop.clock.now()))) return null;
  return transport === 'smtp' ? 'rejected' : 'left';
}

/** As many of the first chunks as hold what is judged. */
function startOf(chunks: readonly Uint8Array[]): Buffer {
  const first: Uint8Array[] = [];
  let size = 0;
  for (const chunk of chunks) {
    if (size >= judgedBytes) break;
    first.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(first);
}

async function isOverAge(
  workshop: Checking,
  definition: Definition,
  bytes: Uint8Array,
  receivedAt: number,
): Promise<boolean> {
  const parsed = await examine(workshop, definition, bytes);
  return parsed !== null && judgeAge(parsed.times, receivedAt, workshop.options.matching).expired;
}

/**
 * Read away from the main thread, behind a deadline and a heap limit: it is in nobody's custody yet, so no count of
 * attempts would stop a message that ends the process from coming again. Null where it cannot be read: then it is
 * accepted, and goes the way of such mail.
 */
async function examine(
  { setup, examiners }: Pick<Checking, 'setup' | 'examiners'>,
  definition: Definition,
  bytes: Uint8Array,
): Promise<Parsed | null> {
  const { directory, trustedRecipientHeaders } = setup.ports;
  const isInternal = (address: string): boolean => directory.classify(address).internal;
  const judged = bytes.subarray(0, judgedBytes);
  const message = { size: judged.length, sha256: hash('sha256', judged, 'hex') };
  const unwrapOptions = { ...definition.options, insists: false, trustedRecipientHeaders, isInternal };
  const opening = { unwrapOptions, matchOnContent: false };
  try {
    return (await examiners.arriving.open(async (into) => into.set(judged), message, opening)).parsed;
  } catch (error) {
    if (error instanceof EngineFailure && error.code === 'parser-crash') return null;
    throw error;
  }
}
