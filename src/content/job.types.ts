import type { ShownMessage } from './show.ts';

/** What the worker is asked. `bytes` is the worker's own copy. */
export interface Job {
  readonly kind: 'hash' | 'show';
  readonly bytes: Uint8Array;
}
/** What it says: once `ready`, then one answer for each job. */
export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'hash'; readonly hash: string }
  | { readonly kind: 'show'; readonly shown: ShownMessage }
  | { readonly kind: 'failed'; readonly detail: string };
