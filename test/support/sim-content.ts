import { createHash } from 'node:crypto';
import type { HashContent } from '../../streams/ports.ts';

/**
 * Stands for the content hash of the worker: all of a message but its Received and X- fields. The real one is a matter of
 * its own tests, and would cost more than all the rest here.
 */
export const hashContent: HashContent = (message) => {
  const text = Buffer.from(message)
    .toString('latin1')
    .replace(/^(Received|X-[\w-]+):.*\r\n/gim, '');
  return Promise.resolve(createHash('sha256').update(text).digest('hex'));
};
