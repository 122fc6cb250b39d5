import type { Parsed } from '../../streams/message.ts';
import type { UnwrapOptions } from '../../streams/ports.ts';
import { detectReport } from './detect.ts';
import { messageStart, readHeaderBlock } from './header-block.ts';
import { absorb, quarantine, stepDown } from './step-down.ts';

/**
 * Opens a journal report: who sent the message to whom, and where the original lies in the received bytes.
 * What is no report is absorbed as plain mail, what nobody can read is quarantined (journaling section b).
 * Pure, linear in the size of its input, and without a copy of it. Satisfies the port `Unwrap`.
 */
export function unwrap(input: Uint8Array, options: UnwrapOptions): Parsed {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const block = readHeaderBlock(bytes, messageStart(bytes, 0, bytes.length), bytes.length);
  const received = { bytes, block };
  if (block.fields.length === 0) return quarantine(received, 'no-headers');
  const detection = detectReport(block, bytes.length);
  // Such a feed carries mail from outside, where anybody can write a report (journaling a.2).
  if (options.journalType === 'standard')
    return absorb(received, options, detection === null ? [] : ['looks-like-report']);
  return detection === null ? absorb(received, options, []) : stepDown(received, detection, options);
}
