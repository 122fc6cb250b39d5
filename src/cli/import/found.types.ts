import type { ImportEnvelope } from '../../import-name.ts';
import type { MboxQuoting } from '../mbox.ts';

/** One message of what is imported, or what was found instead of one. `weight`: bytes of input it stands for. */
export type Found =
  | {
      readonly kind: 'message';
      readonly name: string;
      readonly bytes: Uint8Array;
      /** Of the manifest of an export. */
      readonly envelope: ImportEnvelope | null;
      readonly weight: number;
    }
  /** Nothing to import: named and passed over. */
  | { readonly kind: 'skipped'; readonly name: string; readonly why: string; readonly weight: number }
  /** A message that cannot be imported as it is. */
  | { readonly kind: 'refused'; readonly name: string; readonly why: string; readonly weight: number };

export interface ReadingOptions {
  readonly quoting: MboxQuoting;
  readonly limitBytes: number;
}

export const skipped = (name: string, why: string): Extract<Found, { kind: 'skipped' }> => ({
  kind: 'skipped',
  name,
  why,
  weight: 0,
});

export const refused = (name: string, why: string, weight = 0): Found => ({ kind: 'refused', name, why, weight });

export const tooLarge = (name: string, limitBytes: number, weight: number): Found =>
  refused(name, `it has more than ${limitBytes} bytes (smtp.maxMessageSize)`, weight);
