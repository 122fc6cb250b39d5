import { sameAddress } from '../../streams/address-key.ts';
import { primaryOf, ruleMatch } from '../../streams/match.ts';
import { identities, withLearnt } from '../../streams/merge.ts';
import type { ArchiveEntry, HeaderFacts, ParsedMail, Representation } from '../../streams/message.ts';
import type { Explanation } from '../http/explain.schema.ts';
import type { TrialRules, Tried } from './trial.ts';

type Told = Explanation['matches'][number];
type Case = Told['case'];

/** Near misses that are told; more under one key are a reused Message-ID, and tell no more. */
const maxTold = 50;

/**
 * Every entry under the keys of a message, the one it joins first, each ruled on by itself with the rule that the line
 * asks. Names what differs and never what it says: that is for who may read both.
 */
export function matchesOf({ item, verdict, entries }: Tried, rules: TrialRules): readonly Told[] {
  const { parsed } = item;
  if (parsed === null || verdict.kind === 'end') return [];
  const joined = verdict.kind === 'merge' ? verdict.entryId : null;
  const learnt = verdict.kind === 'merge' ? verdict.learnt : {};
  const told = entries.map((entry): Told => {
    const joins = entry.id === joined;
    const alone = caseAlone(withLearnt(entry, learnt), parsed, item.receivedAt, rules);
    const found = joins && verdict.kind === 'merge' ? verdict.case : alone;
    const key = entry.matchKey === parsed.matchKey && !entry.matchKey.startsWith('ch:') ? 'message-id' : 'content';
    const differs = differencesOf(entry, parsed);
    return { entryId: entry.id, case: found, joined: joins, key, differs, why: whyOf(found, joins, entries.length) };
  });
  return told.toSorted((a, b) => Number(b.joined) - Number(a.joined)).slice(0, maxTold);
}

function caseAlone(entry: ArchiveEntry, parsed: ParsedMail, receivedAt: number, { matching }: TrialRules): Case {
  const match = ruleMatch(parsed, receivedAt, [entry], matching);
  if (match.kind === 'unsure') return 'M2';
  if (match.kind !== 'none') return match.case;
  return entry.matchKey.startsWith('ch:') ? 'M4' : entry.matchKey === parsed.matchKey ? 'M3' : 'M5';
}

function whyOf(found: Case, joined: boolean, count: number): string {
  const said: Readonly<Record<Case, string>> = {
    M1: 'the same Message-ID, From, Date and content',
    M2: 'the same Message-ID, From and Date, other content: a variant',
    M3: 'the same Message-ID, but From or Date is another: another message',
    M4: 'no Message-ID, the same content and From within 24 hours',
    M5: 'the same From, Date and content under another Message-ID',
    M6: 'one of the two is a report without its mail',
  };
  if (joined || found === 'M3') return said[found];
  if (found === 'M4') return 'no Message-ID and the same content, but another From, or more than 24 hours apart';
  if (found === 'M5') return `${said.M5}: not the same message unless matching.matchOnContent is on`;
  if (found === 'M6' && count > 1) return 'the report names no mail, and several have its Message-ID: it stays apart';
  return `${said[found]}; another entry is nearer`;
}

function differencesOf(entry: ArchiveEntry, parsed: ParsedMail): Told['differs'] {
  const own = primaryOf(parsed.representations);
  if (own === undefined) return [];
  const theirs = entry.observations.flatMap(({ representations }) => representations).filter(({ stub }) => !stub);
  if (own.stub || theirs.length === 0) return [];
  const none = (same: (facts: HeaderFacts) => boolean): boolean => !theirs.some(({ facts }) => same(facts));
  const contents = new Set(theirs.flatMap(identities));
  const { facts } = own;
  return [
    ...(entry.matchKey === parsed.matchKey ? [] : (['message-id'] as const)),
    ...(none(({ from }) => sameAddress(from, facts.from)) ? (['from'] as const) : []),
    ...(none(({ dateAt }) => dateAt === facts.dateAt) ? (['date'] as const) : []),
    ...(sameContent(own, contents) ? [] : (['content'] as const)),
  ];
}

const sameContent = (own: Representation, contents: ReadonlySet<string>): boolean =>
  identities(own).some((identity) => contents.has(identity));
