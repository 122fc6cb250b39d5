import assert from 'node:assert/strict';
import type { Parsed } from '../../streams/message.ts';
import type { UnwrapOptions } from '../../streams/ports.ts';

const classOf = {
  L0: 'envelope',
  L1: 'envelope',
  L2: 'standard',
  L3: 'envelope',
  L4: 'standard',
  L5: 'quarantine',
} as const;

/** What holds of every answer of `unwrap`, whatever the bytes. Throws an AssertionError that names the broken promise. */
export function checkParsed(parsed: Parsed, input: Uint8Array, options: UnwrapOptions): void {
  assert.equal(parsed.class, classOf[parsed.level], 'class follows from level');
  assert.equal(parsed.quarantineReason !== null, parsed.level === 'L5', 'a reason at L5 alone');
  assert.equal(new Set(parsed.flags).size, parsed.flags.length, 'each flag once');
  const empty = parsed.level === 'L3' || parsed.level === 'L5';
  assert.equal(parsed.originals.length === 0, empty, 'originals at every level but L3 and L5');
  if (empty) assert.equal(parsed.primary, null, 'no primary without originals');
  else assert.ok(parsed.originals[parsed.primary ?? -1], 'the primary is one of the originals');
  if (options.journalType === 'standard') assert.ok(['L4', 'L5'].includes(parsed.level), 'standard never unwraps');
  checkRanges(parsed, input, options);
  for (const { address, source, via } of parsed.recipients) {
    assert.match(address, /^dn:\/o=|.@./i, 'a recipient is an address');
    assert.notEqual(address.toLowerCase(), options.serviceEmailAddress, 'the service address is no recipient');
    assert.ok(via.length <= 8, 'at most eight redirections');
    if (parsed.class === 'standard' && parsed.level === 'L4') assert.ok(source !== 'envelope', 'no envelope at L4');
  }
  for (const at of Object.values(parsed.times)) assert.ok(at === null || Number.isSafeInteger(at), 'times are whole');
  assert.deepEqual(JSON.parse(JSON.stringify(parsed)), parsed, 'survives JSON');
}

/** Ranges lie inside the input, in order, without overlap; uncut originals are one range, and L4 is everything. */
function checkRanges(parsed: Parsed, input: Uint8Array, options: UnwrapOptions): void {
  let last = 0;
  for (const { ranges } of parsed.originals) {
    if (!options.removeJournalHeaders) assert.equal(ranges.length, 1, 'an uncut original is one slice');
    for (const [start, end] of ranges) {
      assert.ok(last <= start && start < end && end <= input.length, `range ${start}…${end} of ${input.length}`);
      last = end;
    }
  }
  if (parsed.level === 'L4' && !options.removeJournalHeaders) {
    assert.deepEqual(parsed.originals[0]?.ranges, [[0, input.length]], 'plain mail is the whole input');
  }
}
