import type { StatusAnswer } from '../../src/cli/answers.types.ts';

/** The status of an active definition as a command gets it. */
export const statusAnswer = (changes: Partial<StatusAnswer> = {}): StatusAnswer => ({
  id: 'exchange',
  description: 'Exchange',
  transport: 'smtp',
  serviceStatus: 'active',
  since: '2026-01-31T00:00:00.000Z',
  reason: null,
  hint: null,
  lastSuccessfulExtract: '2026-01-31T07:57:00.000Z',
  processingQueue: { messages: 0, bytes: 0, oldest: null },
  pop3MailboxQueue: null,
  counts: {},
  patience: null,
  warnings: [],
  ...changes,
});
