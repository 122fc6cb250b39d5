import { HeaderStart } from './header-digest.ts';
import type { Listed } from './listing.ts';

/** What was seen of one item: for the ledger, and for the event that it cannot be had. */
export class SeenItem {
  readonly header = new HeaderStart();
  /** The answer to TOP; null where it was not asked for, or refused. */
  top: Buffer | null = null;
  /** In bytes, of what RETR gave. */
  size = 0;

  /** The next bytes of RETR. */
  add(content: Buffer): void {
    this.size += content.length;
    this.header.add(content);
  }

  /** The header block, MAX_HEADER_BYTES at most: as RETR gave it, else as TOP did, else as far as it came; '' for none. */
  get headers(): string {
    const { isWhole, block } = this.header;
    return (isWhole ? block : (this.top ?? block)).toString('latin1');
  }

  /** In bytes: what LIST said, or more where more has come; null where nothing is known. */
  sizeOf({ listSize }: Pick<Listed, 'listSize'>): number | null {
    return Math.max(listSize ?? 0, this.size) || listSize;
  }
}
