import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import { checkParsed } from '../support/check-parsed.ts';
import { unwrapOptions } from '../support/mail.ts';

/** Open samples of real and broken mail, where they are at hand, with what three other parsers say of them. */
const folder = join(import.meta.dirname, '../../../shared/corpus');
const present = existsSync(join(folder, 'truth.jsonl'));

interface Truth {
  readonly id: string;
  readonly journal: 'yes' | 'no';
  readonly message_id: string | null;
  readonly from: readonly string[] | null;
  readonly date: number | null;
  readonly subject: string | null;
  /** Facts on which those parsers differ. */
  readonly disagree: Readonly<Record<string, unknown>>;
}
const lines = present ? readFileSync(join(folder, 'truth.jsonl'), 'utf8').trim().split('\n') : [];
const truths = lines.map((line) => JSON.parse(line) as Truth);
const read = (id: string): Buffer => readFileSync(join(folder, id));

describe('the corpus of open samples', () => {
  test.skipIf(!present)('is answered throughout, with every promise kept', () => {
    for (const { id, journal } of truths) {
      const bytes = read(id);
      for (const removeJournalHeaders of [false, true]) {
        const options = unwrapOptions({ removeJournalHeaders });
        const parsed = unwrap(bytes, options);
        expect(() => checkParsed(parsed, bytes, options), id).not.toThrow();
        expect([journal, parsed.class === 'envelope'], id).toEqual([journal, journal === 'yes']);
      }
    }
  });

  test.skipIf(!present)(
    'gives the facts that other parsers agree on, but for what our rules leave out on purpose',
    () => {
      const differing: string[] = [];
      let compared = 0;
      for (const truth of truths) {
        const [original] = unwrap(read(truth.id), unwrapOptions({ journalType: 'standard' })).originals;
        const unsure = ['message_id', 'from', 'date', 'subject'].some((fact) => truth.disagree[fact] !== undefined);
        if (original === undefined || unsure) continue;
        compared += 1;
        const { messageId, from, dateAt, subject } = original.facts;
        const check = (fact: string, ours: unknown, theirs: unknown): void => {
          if (ours !== theirs) differing.push(`${fact} ${truth.id.split('/').at(-1)}`);
        };
        check('message_id', messageId?.slice(1, -1) ?? null, truth.message_id);
        check('from', from?.toLowerCase() ?? null, truth.from?.[0]?.toLowerCase() ?? null);
        check('date', dateAt === null ? null : dateAt / 1000, truth.date);
        check('subject', subject, truth.subject?.replace(/\s+/g, ' ').trim() ?? null);
      }
      expect(compared).toBeGreaterThan(350);
      expect(differing.sort()).toEqual([
        // A 12-hour clock is no RFC 5322 time: null, and the age is judged by the Received fields.
        'date lhost-x2-04.eml',
        // Without brackets there is no token (journaling c.3).
        'message_id m4009.txt',
      ]);
    },
  );

  test.skipIf(!present)('holds two reports of a real server, opened whole', () => {
    const reports = truths.filter(({ journal }) => journal === 'yes');
    expect(reports).toHaveLength(2);
    for (const { id } of reports) {
      const parsed = unwrap(read(id), unwrapOptions({ isInternal: () => true }));
      expect(parsed).toMatchObject({ family: 'ms2007', level: 'L0', flags: [], unparsed: [] });
      expect(parsed.recipients.map(({ type, address }) => `${type}:${address}`)).toEqual([
        'recipient:jwdavison@company.com',
      ]);
      expect(parsed.originals[0]?.facts.messageId).toBe(parsed.reportMessageId);
    }
  });
});
