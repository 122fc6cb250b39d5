import { describe, expect, test } from 'vitest';
import { entryView, representationsOf } from '../../streams/entry-view.ts';
import type { Observation, RecipientType } from '../../streams/message.ts';
import { entry, facts, noon, observation, recipient, representation } from './fixtures.ts';

const seen = (...observations: Observation[]) => entry('e0', { observations });
const first = (more: Partial<Observation>) => observation('i1', more);
const later = (more: Partial<Observation>) => observation('i0', { receivedAt: noon + 1, ...more });

test('an entry reads as the interface says', () => {
  const flags = ['report-partial'];
  const view = entryView({ ...seen(first({ flags })), flags: ['variant'] });
  expect(view).toEqual({
    id: 'e0',
    messageId: '<m1@north.example>',
    subject: 'Lunch',
    date: facts.dateAt,
    from: 'ada@north.example',
    sender: 'ada@north.example',
    onBehalfOf: null,
    recipients: [
      { address: 'bo@north.example', type: 'to', via: [], sources: ['envelope'], internal: true, known: true },
    ],
    mailboxes: ['bo@north.example'],
    size: 10,
    sha256: 'sha-1',
    archivedAt: noon,
    origin: 'journal',
    flags: ['report-partial', 'variant'],
    representations: [{ sha256: 'sha-1', size: 10, clearText: false, protected: false }],
    observations: [
      {
        intakeId: 'i1',
        definition: 'exchange',
        origin: 'journal',
        receivedAt: noon,
        level: 'L0',
        family: 'ms2007',
        recipients: [recipient('bo@north.example')],
        flags,
      },
    ],
  });
});

describe('recipients', () => {
  const typed = (...types: RecipientType[]) =>
    entryView(
      seen(
        ...types.map((type, at) => observation(`i${at}`, { recipients: [recipient('bo@north.example', { type })] })),
      ),
    );
  test.each<[RecipientType[], RecipientType]>([
    [['recipient', 'bcc'], 'bcc'],
    [['bcc', 'recipient'], 'bcc'],
    [['undisclosed', 'recipient'], 'undisclosed'],
    [['bcc', 'cc'], 'cc'],
    [['cc', 'to', 'bcc'], 'to'],
    [['recipient'], 'recipient'],
  ])('seen as %j a person is shown as %s', (types, shown) => {
    expect(typed(...types).recipients).toEqual([expect.objectContaining({ type: shown })]);
  });

  test('what the header adds to a report without types is shown', () => {
    const people = [recipient('bo@north.example', { type: 'recipient', refined: 'cc' })];
    expect(entryView(seen(first({ recipients: people }))).recipients[0]!.type).toBe('cc');
  });

  test('one person in several spellings is one, in the spelling that came first', () => {
    const lists = [{ kind: 'expanded', address: 'all@north.example' }] as const;
    const view = entryView(
      seen(
        later({ recipients: [recipient('BO@north.example', { source: 'header', via: lists })] }),
        first({ recipients: [recipient('Bo@north.example', { via: lists, known: false })] }),
      ),
    );
    expect(view.recipients).toEqual([
      {
        address: 'Bo@north.example',
        type: 'to',
        via: lists,
        sources: ['envelope', 'header'],
        internal: true,
        known: true,
      },
    ]);
  });

  test('a domain and its A-labels are one, for a person, a list and a mailbox', () => {
    const via = (address: string) => [{ kind: 'expanded', address }] as const;
    const both = [
      recipient('bo@bücher.example', { via: via('all@Bücher.example') }),
      recipient('bo@xn--bcher-kva.example', { via: via('ALL@xn--bcher-kva.example') }),
    ];
    const mailboxes = both.map(({ address }) => address);
    const view = entryView(seen(first({ recipients: both, mailboxes })));
    expect(view.recipients).toMatchObject([{ address: 'bo@bücher.example', via: via('all@Bücher.example') }]);
    expect(view.mailboxes).toEqual(['bo@bücher.example']);
  });
});

test('an entry belongs to its known senders and recipients, each once', () => {
  const view = entryView(
    seen(
      first({ mailboxes: ['ada@north.example', 'bo@north.example'] }),
      later({ mailboxes: ['Bo@north.example', 'cy@north.example'] }),
    ),
  );
  expect(view.mailboxes).toEqual(['ada@north.example', 'bo@north.example', 'cy@north.example']);
});

test('the sender is that of the first journal copy, before what the gateway says', () => {
  const view = entryView(
    seen(first({ origin: 'gateway', sender: 'bounce@list.example' }), later({ sender: 'ada@north.example' })),
  );
  expect(view.sender).toBe('ada@north.example');
  expect(entryView(seen(first({ sender: null }), later({ sender: '' }))).sender).toBe('');
});

describe('representations', () => {
  const shaOf = (...observations: Observation[]) => {
    const { primary, all } = representationsOf(seen(...observations));
    return { primary: primary?.sha256, all: all.map(({ sha256 }) => sha256) };
  };
  const made = representation;

  test('a copy of equal content adds none, a variant adds one; the earliest is shown', () => {
    const copies = [
      first({ representations: [made('a', { contentHash: 'c' })] }),
      later({ representations: [made('b', { contentHash: 'c' })] }),
      observation('i2', { receivedAt: noon + 2, representations: [made('v', { contentHash: 'd' })] }),
    ];
    expect(shaOf(...copies)).toEqual({ primary: 'a', all: ['a', 'v'] });
  });

  test('equal bytes are one version, also where only one copy knows its content hash', () => {
    const copies = [
      first({ representations: [made('a')] }),
      later({ representations: [made('b', { contentHash: 'c', primary: false }), made('a', { contentHash: 'c' })] }),
    ];
    expect(shaOf(...copies)).toEqual({ primary: 'a', all: ['a'] });
  });

  test('a stub is shown until an original is there', () => {
    const stub = first({ representations: [made('report', { stub: true })] });
    expect(shaOf(stub)).toEqual({ primary: 'report', all: ['report'] });
    expect(shaOf(stub, later({ representations: [made('a')] }))).toEqual({ primary: 'a', all: ['a'] });
  });

  test('an original is missing only where no copy has it, whichever came first', () => {
    const flags = ['original-missing', 'report-partial'];
    const stub = first({ flags, representations: [made('report', { stub: true })] });
    const whole = later({ representations: [made('a')] });
    expect(entryView(seen(stub)).flags).toEqual(flags);
    expect(entryView(seen(stub, whole)).flags).toEqual(['report-partial']);
    expect(entryView(seen(stub, whole)).observations[0]?.flags).toEqual(flags);
  });

  test('of a rights-protected pair both are kept, and the chosen one is shown', () => {
    const pair = (clearIsPrimary: boolean) => [
      made('guarded', { protected: true, primary: !clearIsPrimary }),
      made('clear', { clearText: true, primary: clearIsPrimary }),
    ];
    expect(shaOf(first({ representations: pair(true) }))).toEqual({ primary: 'clear', all: ['guarded', 'clear'] });
    expect(shaOf(first({ representations: pair(false) }))).toEqual({ primary: 'guarded', all: ['guarded', 'clear'] });
    const both = [first({ representations: pair(false) }), later({ representations: pair(true) })];
    expect(shaOf(...both)).toEqual({ primary: 'clear', all: ['guarded', 'clear'] });
  });

  test('the one that is shown is always one of the list', () => {
    const copies = [
      first({
        representations: [made('guarded', { protected: true }), made('x', { contentHash: 'c', primary: false })],
      }),
      later({ representations: [made('y', { contentHash: 'c', clearText: true })] }),
    ];
    expect(shaOf(...copies)).toEqual({ primary: 'x', all: ['guarded', 'x'] });
  });
});
