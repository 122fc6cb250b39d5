import { readHeads } from '../evidence/anchor-file.ts';
import { type FoundHead, type FoundHeads, readStoredStamps } from '../evidence/stored-stamps.ts';

/** Of an anchor, what says where its heads can be read again. */
interface AnchorPlace {
  readonly name: string;
  readonly kind: string;
  readonly target: string;
}

/**
 * The heads that can be read from here: those of anchor files, and those with a time-stamp in the data directory. A file
 * that is not there has none yet.
 */
export async function keptHeads(dataDir: string, anchors: readonly AnchorPlace[]): Promise<FoundHeads> {
  const stamps = await readStoredStamps(dataDir);
  const files = await Promise.all(anchors.filter(({ kind }) => kind === 'file').map(headsOf));
  return {
    heads: [...stamps.heads, ...files.flatMap(({ heads }) => heads)],
    faults: [...stamps.faults, ...files.flatMap(({ faults }) => faults)],
  };
}

async function headsOf({ name, target }: AnchorPlace): Promise<FoundHeads> {
  try {
    const { heads, unreadable } = await readHeads(target);
    const faults = unreadable.map((line) => ({ file: target, text: `line ${line} holds no signed head` }));
    return { heads: heads.map((head): FoundHead => ({ head, file: target })), faults };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { heads: [], faults: [] };
    return { heads: [], faults: [{ file: target, text: `the anchor ${name} cannot be read: ${String(error)}` }] };
  }
}
