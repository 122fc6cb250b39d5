import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import type { Parsed } from '../../streams/message.ts';
import { internalAt, unwrapOptions } from '../support/mail.ts';

/** The published examples, where they are at hand; the key ones are built in code by the other files of this folder. */
const folder = join(import.meta.dirname, '../../../shared/fixtures/journal');
const present = existsSync(folder);
const names = present ? readdirSync(folder).flatMap((file) => /^(E\w+)\.eml$/.exec(file)?.[1] ?? []) : ['E1'];

describe('worked examples of the journaling page', () => {
  test.skipIf(!present)('there are 23 of them', () => {
    expect(names).toHaveLength(23);
  });

  test.skipIf(!present).each(names)('%s is read as the page says', (name) => {
    const file = (suffix: string) => readFileSync(join(folder, `${name}${suffix}`));
    const expected = JSON.parse(file('.expected.json').toString()) as Expected;
    const options = unwrapOptions({
      isInternal: internalAt('north.example'),
      preferClearTextVersion: expected.options.prefer_clear ?? true,
    });
    const parsed = unwrap(file('.eml'), options);
    const { original, ...rest } = expected.assert;
    expect(view(parsed, rest)).toEqual(rest);
    if (original !== undefined) expect(parsed.primary).toBe(original === null ? null : original - 1);
  });
});

interface Expected {
  readonly options: { readonly prefer_clear?: boolean };
  readonly assert: Readonly<Record<string, unknown>> & { readonly original?: number | null };
}

/** Our answer in the words of the files, cut to what the example asserts. */
function view(parsed: Parsed, asserted: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const listed = (asserted['recipients'] as readonly Record<string, unknown>[] | undefined) ?? [];
  const told: Record<string, unknown> = {
    ...parsed,
    sender: named(parsed.sender),
    recipients: parsed.recipients.map(({ address, type, via, source }, index) => ({
      addr: named(address),
      type,
      via: via.map((step) => ({ kind: step.kind, addr: named(step.address) })),
      ...(listed[index]?.['src'] === undefined ? {} : { src: source }),
    })),
  };
  return Object.fromEntries(Object.keys(asserted).map((key) => [key, told[key]]));
}

function named(address: string | null): unknown {
  return address?.startsWith('dn:') ? { dn: address.slice(3) } : address;
}
