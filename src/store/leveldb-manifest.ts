import { Varints } from './varints.ts';

export interface LiveFiles {
  readonly tables: readonly { readonly name: string; readonly size: number }[];
  /** Logs from this number on hold what no table has yet. */
  readonly firstLog: number;
  readonly fault: string | null;
}

const tags = {
  comparator: 1,
  log: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deleted: 6,
  added: 7,
  prevLog: 9,
};

/** The files that a manifest leaves in force (version edits of LevelDB, db/version_edit.cc). */
export function liveFilesOf(edits: readonly Buffer[]): LiveFiles {
  const sizes = new Map<number, number>();
  let firstLog = 0;
  try {
    for (const edit of edits) {
      const read = new Varints(edit);
      while (!read.isDone) {
        const tag = read.number();
        if (tag === tags.log) firstLog = read.number();
        else if (tag === tags.comparator) read.bytes();
        else if (tag === tags.nextFile || tag === tags.lastSequence || tag === tags.prevLog) read.number();
        else if (tag === tags.compactPointer) {
          read.number();
          read.bytes();
        } else if (tag === tags.deleted) {
          read.number();
          sizes.delete(read.number());
        } else if (tag === tags.added) {
          read.number();
          sizes.set(read.number(), read.number());
          read.bytes();
          read.bytes();
        } else throw new RangeError(`an edit of the unknown kind ${tag}`);
      }
    }
  } catch (error) {
    return { tables: [], firstLog, fault: (error as Error).message };
  }
  const tables = [...sizes].map(([number, size]) => ({ name: `${String(number).padStart(6, '0')}.ldb`, size }));
  return { tables, firstLog, fault: null };
}
