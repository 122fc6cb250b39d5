import { EngineFailure } from '../../streams/failure.ts';
import { grown, leafOf } from '../merkle.ts';
import type { LogPosition } from '../store/commit-log.types.ts';
import { plainHeadOf } from '../store/sealed-record.ts';
import type { WholeRecord } from '../store/segment-records.ts';
import type { BodyPlace, LogRows, WrittenRow } from './log-rows.ts';
import type { LogSeal } from './log-seal.ts';
import { MoveRefused, type MoveSource, type MoveTarget } from './migrate.types.ts';
import { lockMove, writeMove } from './migrate-state.ts';
import type { Postgres, Row, Run } from './postgres.ts';
import type { SharedFiles } from './shared-files.ts';
import { decodeRow, openerOf, sliceOf, storedHead, storedPayload, tailLengthOf } from './shared-records.ts';
import type { Vault } from './vault.types.ts';

/** The log of a cluster, for who moves it. */
export interface ClusterPlace {
  readonly postgres: Postgres;
  readonly rows: LogRows;
  /** Null: bodies lie in the database. */
  readonly vault: Vault | null;
  /** What its records are sealed with; null: they are in clear. */
  readonly seal: LogSeal | null;
  /** The keys that its workers have the same of. */
  readonly files: SharedFiles;
}

/** Looked at for one query, whose bytes are counted first. */
const rowsAtOnce = 256;
/** A query of the database has to be answered in five seconds, and all of it is in memory. */
const bytesAtOnce = 8 * 1024 * 1024;

/** What is stored, for who moves it back or checks it. */
export const clusterSource = (place: ClusterPlace): MoveSource => ({
  records: (after, upTo) => clusterRecords(place, after, upTo),
});

async function* clusterRecords(place: ClusterPlace, after: number, upTo: number): AsyncGenerator<WholeRecord> {
  const { postgres, rows } = place;
  for (let seq = after; seq < upTo; ) {
    const sizes = await postgres.run({
      name: 'move-sizes',
      text: `select seq, octet_length(head) + octet_length(tail) + body_length as bytes from daybook.record
             where log = $1 and seq > $2 and seq <= $3 order by seq limit $4`,
      values: [rows.id, seq, upTo, rowsAtOnce],
    });
    const last = lastWithin(sizes);
    if (last === null) throw new EngineFailure('damaged', `record ${seq + 1} of the log is not there`);
    for (const row of await readRows(place, seq, last)) {
      seq += 1;
      if (Number(row['seq']) !== seq) throw new EngineFailure('damaged', `record ${seq} of the log is not there`);
      yield await recordOf(place, row);
    }
  }
}

function lastWithin(sizes: readonly Row[]): number | null {
  let last: number | null = null;
  let bytes = 0;
  for (const row of sizes) {
    bytes += Number(row['bytes']);
    if (last !== null && bytes > bytesAtOnce) break;
    last = Number(row['seq']);
  }
  return last;
}

const readRows = ({ postgres, rows }: ClusterPlace, after: number, last: number): Promise<readonly Row[]> =>
  postgres.run({
    name: 'move-rows',
    text: `select r.seq, r.head, r.tail, r.body_length, r.dropped, b.bytes
           from daybook.record r left join daybook.body b on b.log = r.log and b.body = r.body
           where r.log = $1 and r.seq > $2 and r.seq <= $3 order by r.seq`,
    values: [rows.id, after, last],
  });

async function recordOf(place: ClusterPlace, row: Row): Promise<WholeRecord> {
  const seq = Number(row['seq']);
  const stored = { seq, head: row['head'] as Buffer, tail: row['tail'] as Buffer };
  const opener = openerOf(stored, place.seal);
  const { head } = decodeRow(stored, place.seal);
  const headBytes = stored.head.length === head.headBytes ? stored.head : plainHeadOf(head);
  if (row['dropped'] === true) return { head, headBytes, payload: null };
  const bytes = row['bytes'] as Buffer | null;
  if (bytes !== null || Number(row['body_length']) === 0)
    return { head, headBytes, payload: Buffer.concat([opener.body(bytes ?? noBytes, 0), opener.tail()]) };
  return { head, headBytes, payload: await outsidePayload(place, seq, head.record.payloadLength) };
}

/** Out of the vault; read anew where it was taken away, or put elsewhere, since its row was read. */
async function outsidePayload(place: ClusterPlace, seq: number, length: number): Promise<Buffer | null> {
  try {
    return Buffer.from(await sliceOf(place, seq, 0, length));
  } catch (error) {
    if ((await place.rows.read(seq)).dropped) return null;
    if (!(error instanceof EngineFailure) || error.code !== 'missing') throw error;
    return Buffer.from(await sliceOf(place, seq, 0, length));
  }
}

/** A record with its payload parted, and sealed, as in the rows of the log (shared-records.ts). */
interface Parted extends WholeRecord {
  readonly body: Uint8Array;
  readonly tail: Buffer;
}
const noBytes = Buffer.alloc(0);

function parted(record: WholeRecord, seal: LogSeal | null): Parted {
  const { head, payload } = record;
  if (payload === null) return { ...record, body: noBytes, tail: noBytes };
  const at = payload.length - tailLengthOf(head.record, payload.length);
  const sha256 = Buffer.from(head.record.payloadSha256, 'hex');
  const plain = { body: [payload.subarray(0, at)], tail: payload.subarray(at), sha256 };
  const {
    body: [body = noBytes],
    tail,
  } = storedPayload(head.record.kind, plain, seal);
  return { ...record, body, tail };
}

/**
 * Takes records as they are: their heads byte for byte (in clear), under the mark of the log they come from. One group is one
 * transaction, and its place in the log is looked at in it, so that nothing is there twice whoever else copies.
 */
export function clusterTarget(place: ClusterPlace): MoveTarget {
  const { postgres, rows } = place;
  return {
    end: () => rows.head(),
    append: async (group) => {
      const all = group.map((record) => parted(record, place.seal));
      const bodies = all.filter(({ body }) => body.length > 0).map(({ body }) => body);
      const refs =
        place.vault === null || bodies.length === 0 ? null : await place.vault.store(bodies.map((body) => [body]));
      await postgres.transaction(async (run) => {
        const stored = refs === null ? await rows.storeBodies(run, bodies) : [];
        const places: BodyPlace[] = refs === null ? stored.map((body) => ({ body })) : refs.map((ref) => ({ ref }));
        const head = await rows.lock(run);
        const [first] = all;
        if (first === undefined || head.seq !== first.head.record.seq - 1 || head.hash !== first.head.previousHash)
          throw new EngineFailure('store-failed', 'somebody else has written to the log meanwhile');
        const move = await lockMove(run, rows.id);
        if (move?.state !== 'coming') throw new MoveRefused('the log takes no records of a move any more');
        await rows.insert(
          run,
          all.map((each) => rowOf(each, { places, seal: place.seal })),
        );
        const leaves = all.map(({ head: { record } }) => leafOf(record.hash));
        await writeMove(run, rows.id, { ...move, tree: grown(move.tree, leaves) });
        await advance(run, rows.id, all.at(-1)?.head.record ?? head);
      });
    },
  };
}

function rowOf(
  { head: { record }, headBytes, payload, body, tail }: Parted,
  { places, seal }: { readonly places: BodyPlace[]; readonly seal: LogSeal | null },
): WrittenRow {
  const head = storedHead({ record, head: headBytes }, seal);
  const place = body.length > 0 ? (places.shift() ?? null) : null;
  const dropped = payload === null && record.payloadLength > 0;
  return { seq: record.seq, head, tail, bodyLength: body.length, place, dropped };
}

const advance = (run: Run, log: number, { seq, hash }: LogPosition): Promise<unknown> =>
  run({
    text: 'update daybook.log set seq = $2, hash = $3 where log = $1',
    values: [log, seq, Buffer.from(hash, 'hex')],
  });
