import { createHash } from 'node:crypto';
import { judgeAge } from '../../streams/expiry.ts';
import type { IngestPorts } from '../../streams/ingest.ts';
import type { Parsed } from '../../streams/message.ts';
import { unwrap } from '../report/unwrap.ts';
import { isoTime } from './archive-api.ts';
import type { Definition } from './definition-book.types.ts';
import type { Workshop } from './workshop.ts';

/** A sender that keeps trying a refused message is told of once in this time. */
const repeatedAfterMs = 3_600_000;
/**
 * The times stand in the report's headers and text, which may have 1 MB, and in the first headers of the original. What
 * lies behind is not looked at: this is done while the sender waits, and everyone else with it.
 */
const judgedBytes = 2 * 1024 * 1024;
/** Refused messages remembered for that; beyond it the memory starts anew, which costs an event more. */
const maxRemembered = 10_000;

type Checking = Pick<Workshop, 'options' | 'book' | 'setup' | 'clock' | 'note'>;

/**
 * The age check before the acknowledgement, only where `matching.expiredAction` is the one given (journaling c.6). What
 * `reject` refuses stands in the event log as `expired-rejected` with its ids: the sender may keep it no longer.
 */
export function expiryCheck(
  workshop: Checking,
  action: 'reject' | 'leave',
): Pick<IngestPorts, 'isExpired' | 'refusedByAge'> {
  const { options, book, setup, clock, note } = workshop;
  const { matching } = options;
  if (matching.expiredAction !== action) return {};
  const { directory, trustedRecipientHeaders } = setup.ports;
  const isInternal = (address: string): boolean => directory.classify(address).internal;
  const parse = (bytes: Uint8Array, definition: Definition): Parsed =>
    unwrap(bytes.subarray(0, judgedBytes), { ...definition.options, trustedRecipientHeaders, isInternal });
  let toldAt = new Map<string, number>();
  const isTold = (key: string, at: number): boolean => {
    if (at - (toldAt.get(key) ?? Number.NEGATIVE_INFINITY) < repeatedAfterMs) return true;
    if (toldAt.size >= maxRemembered) toldAt = new Map();
    toldAt.set(key, at);
    return false;
  };
  return {
    isExpired: (bytes, { definitionId }, receivedAt) => {
      const definition = book.get(definitionId ?? '');
      return definition !== undefined && judgeAge(parse(bytes, definition).times, receivedAt, matching).expired;
    },
    refusedByAge: (bytes, { destinations, transport }) => {
      const at = clock.now();
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      for (const { definitionId } of destinations) {
        const definition = book.get(definitionId ?? '');
        if (definition === undefined || isTold(`${definitionId} ${sha256}`, at)) continue;
        const { messageId, reportMessageId, times } = parse(bytes, definition);
        const { messageTime, suspectedClockSkew } = judgeAge(times, at, matching);
        const ids = { messageId, reportMessageId, sha256, size: bytes.length };
        const data = { ...ids, messageTime: isoTime(messageTime), suspectedClockSkew, peer: transport.peer };
        const common = { severity: 'warning', actor: 'engine', intakeId: null, entryId: null } as const;
        note({ ...common, type: 'expired-rejected', definitionId, data });
      }
    },
  };
}
