import type { MessageWords } from './message-words.ts';
import type { ShownMessage } from './show.ts';

/** What the worker is asked. `bytes` is the worker's own copy. */
export interface Job {
  readonly kind: 'hash' | 'show' | 'words';
  readonly bytes: Uint8Array;
}
export type Answer =
  | { readonly kind: 'hash'; readonly hash: string }
  | { readonly kind: 'show'; readonly shown: ShownMessage }
  | { readonly kind: 'words'; readonly found: MessageWords };
