import { expect, test } from 'vitest';
import { definitionForm } from '../../src/config/definition-form.ts';
import {
  branchOf,
  differencesOf,
  documentOf,
  draftOf,
  emptyDraft,
  fieldAt,
  isRequired,
  lackOf,
  rebased,
  withTransport,
  withValue,
} from '../../src/console/pages/definition/form-model.ts';

/** The form as the API answers it. */
const form = JSON.parse(JSON.stringify(definitionForm())) as ReturnType<typeof definitionForm>;
const mailbox = {
  id: 'mailbox',
  description: 'Mailbox',
  transport: 'pop3',
  suspended: false,
  serviceEmailAddress: 'box@example.com',
  pop3: { host: 'mail.example.com', port: 995, mailboxName: 'box', password: '********', encrypted: true },
  deliveryWaitAttempts: 5,
} as const;

test('a document goes through the form and comes back as it was, its defaults left out', () => {
  const document = documentOf(form, draftOf(form, mailbox));
  const { suspended: _, ...rest } = mailbox;
  const { encrypted: __, ...pop3 } = mailbox.pop3;
  expect(document).toEqual({ ...rest, pop3 });
});

test('an empty draft has every default, and makes a document of the transport alone', () => {
  const draft = emptyDraft(form, 'smtp');
  expect(draft).toMatchObject({ deliveryWaitAttempts: '3', journalType: 'eej', 'smtp.requireTls': false, id: '' });
  expect(Object.keys(draft).filter((path) => path.startsWith('pop3.'))).toEqual([]);
  expect(documentOf(form, draft)).toEqual({ transport: 'smtp' });
});

test('lines become a list, digits a number, and what is neither goes to the engine as it is', () => {
  const draft = { ...emptyDraft(form, 'smtp'), 'smtp.additionalSourceIpRanges': ' 10.0.0.0/8 \n\n::1/128' };
  expect(documentOf(form, { ...draft, deliveryWaitAttempts: '7' })).toMatchObject({
    smtp: { additionalSourceIpRanges: ['10.0.0.0/8', '::1/128'] },
    deliveryWaitAttempts: 7,
  });
  expect(documentOf(form, { ...draft, deliveryWaitAttempts: 'seven' })['deliveryWaitAttempts']).toBe('seven');
});

test('a field whose name says minutes holds them as digits, and another unit is written with it', () => {
  const path = 'periodOfInactivityAllowed';
  const shown = (value: string) => draftOf(form, { transport: 'smtp', [path]: value })[path];
  expect(emptyDraft(form, 'smtp')).toMatchObject({ [path]: '180', deliveryWaitInterval: '60s' });
  expect(['2h', '1d', '45m', '90s', 'soon'].map(shown)).toEqual(['120', '1440', '45', '90s', 'soon']);
  const saved = (value: string) => documentOf(form, { ...emptyDraft(form, 'smtp'), [path]: value })[path];
  expect(['180', ' 240 ', '2h', '-1'].map(saved)).toEqual([undefined, '240m', '2h', '-1']);
});

test('an option that says nothing while another one is off lacks that one', () => {
  const draft = draftOf(form, mailbox);
  expect(lackOf(draft, 'pop3.certificatePin')).toBeUndefined();
  const clear = withValue(draft, 'pop3.encrypted', false);
  expect(lackOf(clear, 'pop3.encryptionMode')).toBe('pop3.encrypted');
  expect(lackOf(emptyDraft(form, 'smtp'), 'smtp.password')).toBe('smtp.useSmtpAuthentication');
});

test('another transport keeps what both have', () => {
  const draft = withTransport(form, draftOf(form, mailbox), 'smtp');
  expect(draft).toMatchObject({ transport: 'smtp', deliveryWaitAttempts: '5', description: 'Mailbox' });
  expect(documentOf(form, draft)).not.toHaveProperty('pop3');
});

test('a difference has the old and the new value by the name of the field; a secret is never in it', () => {
  const before = draftOf(form, mailbox);
  const after = { ...before, 'pop3.password': 'new-secret', 'pop3.encrypted': false, retention: '30d' };
  expect(differencesOf(form, before, after)).toEqual([
    { path: 'pop3.password', title: 'Password', before: '********', after: '********' },
    { path: 'pop3.encrypted', title: 'Encrypted', before: 'yes', after: 'no' },
    { path: 'retention', title: 'Retention', before: undefined, after: '30d' },
  ]);
  const made = differencesOf(form, null, after);
  expect(made.map(({ path }) => path)).toContain('transport');
  expect(JSON.stringify(made)).not.toContain('new-secret');
});

test('my changes stand over those of somebody else, who keeps the rest', () => {
  const base = draftOf(form, mailbox);
  const theirs = { ...base, description: 'Theirs', deliveryWaitAttempts: '9' };
  const mine = { ...base, deliveryWaitAttempts: '2', detailedLogging: true };
  expect(rebased(form, { base, mine, theirs })).toEqual({
    ...base,
    description: 'Theirs',
    deliveryWaitAttempts: '2',
    detailedLogging: true,
  });
});

test('a fault below a list is at the list, and what is no field is at none', () => {
  expect(fieldAt(form, 'smtp.additionalSourceIpRanges[1]')).toBe('smtp.additionalSourceIpRanges');
  expect(fieldAt(form, 'smtp.additionalSourceIpRanges.1')).toBe('smtp.additionalSourceIpRanges');
  expect(fieldAt(form, 'pop3.host')).toBe('pop3.host');
  expect(fieldAt(form, 'smtpd')).toBeUndefined();
});

test('what is required is so by the schema', () => {
  const branch = branchOf(form, 'pop3');
  expect(
    ['id', 'pop3.host', 'pop3.password', 'pop3.port', 'retention'].map((path) => isRequired(branch, path)),
  ).toEqual([...[true, true, true, false, false]]);
});

test('the port follows the encryption where it is the one that goes with it, and stays where somebody chose it', () => {
  const draft = draftOf(form, mailbox);
  const clear = withValue(draft, 'pop3.encrypted', false);
  expect(clear['pop3.port']).toBe('110');
  expect(withValue(clear, 'pop3.encrypted', true)['pop3.port']).toBe('995');
  for (const chosen of ['1995', '']) {
    const own = { ...draft, 'pop3.port': chosen };
    expect(withValue(own, 'pop3.encrypted', false)['pop3.port']).toBe(chosen);
  }
  expect(withValue(draft, 'id', 'other')).toEqual({ ...draft, id: 'other' });
});
