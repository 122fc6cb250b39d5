import { z } from 'zod';
import { count, type Read } from './words.schema.ts';

/** How every secret reads in an answer (interface section 3). */
export const maskedSecret = '********';

const duration = z.string().describe('250ms, 30s, 10m, 2h, 30d');

/** A journal service definition as answers show it: the document of interface section 3, with its version. */
export const definitionSchema = z.object({
  id: z.string(),
  description: z.string(),
  transport: z.enum(['smtp', 'pop3']),
  suspended: z.boolean(),
  serviceEmailAddress: z.string(),
  smtp: z
    .object({
      additionalSourceIpRanges: z.array(z.string()),
      useSmtpAuthentication: z.boolean(),
      password: z.string().optional(),
      requireTls: z.boolean(),
    })
    .optional(),
  pop3: z
    .object({
      host: z.string(),
      port: count,
      mailboxName: z.string(),
      password: z.string(),
      encrypted: z.boolean(),
      encryptionMode: z.enum(['strict', 'relaxed']),
      certificatePin: z.string().nullish(),
    })
    .optional(),
  initialProcessDelay: duration,
  deliveryWaitAttempts: count,
  deliveryWaitInterval: duration,
  periodOfInactivityAllowed: duration.optional(),
  journalType: z.enum(['eej', 'standard']),
  retention: duration.optional().describe('absent: for ever'),
  removeJournalHeaders: z.boolean(),
  detailedLogging: z.boolean(),
  preferClearTextVersion: z.boolean(),
  extendedDeduplication: z.boolean(),
  journalNonInternalAddresses: z.boolean(),
  journalUnknownInternalAddresses: z.boolean(),
  canary: z
    .object({
      host: z.string(),
      port: count.optional(),
      security: z.enum(['tls', 'starttls', 'none']).optional(),
      user: z.string().optional(),
      password: z.string().optional(),
      from: z.string(),
      to: z.string(),
      interval: duration,
      limit: duration,
    })
    .optional()
    .describe('absent: no canary is sent'),
  version: count.describe('grows with each change; the ETag of the document'),
  provisioned: z.boolean().describe('given in the configuration file, which is its truth'),
});

/** What a connection test found, stage by stage; the first that failed is the last. */
export const testResultSchema = z.object({
  ok: z.boolean(),
  steps: z.array(
    z.object({
      step: z
        .string()
        .describe('pop3: connect, encrypt, greeting, log in, count, quit; smtp: listener, then who may send'),
      ok: z.boolean(),
      detail: z.string(),
      kind: z.string().nullable().describe('the kind of error, as in `reason` of the status'),
      ms: count,
    }),
  ),
});
export type TestResult = Read<z.infer<typeof testResultSchema>>;

export type DefinitionView = Read<z.infer<typeof definitionSchema>>;

/** The same document with every secret masked, whoever built it. */
export function withoutSecrets(view: DefinitionView): DefinitionView {
  const { smtp, pop3, canary, ...rest } = view;
  return {
    ...rest,
    ...(canary === undefined
      ? {}
      : { canary: { ...canary, ...(canary.password === undefined ? {} : { password: maskedSecret }) } }),
    ...(smtp === undefined
      ? {}
      : { smtp: { ...smtp, ...(smtp.password === undefined ? {} : { password: maskedSecret }) } }),
    ...(pop3 === undefined ? {} : { pop3: { ...pop3, password: maskedSecret } }),
  };
}
