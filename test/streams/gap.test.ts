import { expect, test } from 'vitest';
import { namedIn } from '../../src/report/named.ts';
import { unwrap } from '../../src/report/unwrap.ts';
import { gapOf, unreported } from '../../streams/gap.ts';
import type { Observation, ObservedRecipient, Recipient } from '../../streams/message.ts';
import { buildMessage, buildReport, unwrapOptions } from '../support/mail.ts';

const directory = {
  classify: (address: string) => {
    const internal = address.toLowerCase().endsWith('@north.example');
    return { internal, known: internal && !address.startsWith('typo') };
  },
};
const person = (address: string, more: Partial<Recipient> = {}): ObservedRecipient => ({
  address,
  type: 'to',
  via: [],
  source: 'envelope',
  ...more,
  ...directory.classify(address),
});
const expanded = (address: string, list: string): ObservedRecipient =>
  person(address, { via: [{ kind: 'expanded', address: list }] });
/** One report of a message whose headers name those. */
const report = (named: readonly string[], ...recipients: readonly ObservedRecipient[]): Observation =>
  ({
    definitionId: 'exchange',
    recipients,
    ...unreported(named, { observed: recipients, directory }),
  }) as unknown as Observation;
const [ada, bo, cy] = ['ada', 'bo', 'cy'].map((name) => `${name}@north.example`) as [string, string, string];
const gap = (...observations: readonly Observation[]) => gapOf({ observations });

test('a report that names everybody whom the headers do keeps nothing', () => {
  expect(report([bo, cy], person('Bo@north.example'), person(cy))).not.toHaveProperty('named');
  expect(gap(report([bo, cy], person(bo), person(cy)))).toBeNull();
});

test('one that names fewer is a gap until another report of the message names the rest', () => {
  const first = report([bo, cy], person(bo));
  expect(gap(first)).toEqual({ missing: [cy], certain: true, definitionId: 'exchange' });
  expect(gap(first, report([bo, cy], person(cy)))).toBeNull();
  expect(gap(report([bo, cy], person(cy)), first)).toBeNull();
});

test('a domain in the headers and its A-labels in the report are one', () => {
  const within = { classify: () => ({ internal: true, known: true }) };
  const observed = [person('bo@xn--bcher-kva.example')];
  expect(unreported(['Bo@Bücher.example'], { observed, directory: within })).toEqual({});
});

test('people outside, and addresses that the directory does not know, are nobody to miss', () => {
  expect(gap(report([bo, 'ext@south.example', 'typo@north.example'], person(bo)))).toBeNull();
});

test('a list is reported by its members, whatever their own names', () => {
  expect(
    gap(report(['kitchen@north.example'], expanded(bo, 'kitchen@north.example'), person(cy, { type: 'bcc' }))),
  ).toBeNull();
});

test('as many people whom nobody named explain as many names: an alias, a list inside a list', () => {
  const alias = 'b.other@north.example';
  expect(gap(report([alias], person(bo)))).toBeNull();
  expect(gap(report(['all@north.example'], expanded(bo, 'kitchen@north.example')))).toBeNull();
  expect(gap(report([alias, cy, ada], person(bo)))).toMatchObject({ certain: false });
});

test('a Bcc is no explanation, and neither is somebody outside', () => {
  expect(gap(report([bo], person(ada, { type: 'bcc' })))).toMatchObject({ missing: [bo], certain: true });
  expect(gap(report([bo], person('ext@south.example')))).toMatchObject({ missing: [bo], certain: true });
});

test('recipients taken from headers report nobody', () => {
  expect(gap(report([bo, cy], person(bo)), report([], person(cy, { source: 'header' })))).toMatchObject({
    missing: [cy],
  });
});

test('who is named is read from the original of a report, and from nothing else', () => {
  const original = buildMessage({ to: 'Bo <bo@north.example>, ext@south.example', cc: cy });
  const wrapped = buildReport({ recipients: [{ address: bo }], originals: [original] });
  const read = (bytes: Buffer) => namedIn(bytes, unwrap(bytes, unwrapOptions()));
  expect(read(wrapped)).toEqual([bo, 'ext@south.example', cy]);
  expect(read(original), 'plain mail has no envelope to compare with').toEqual([]);
});
