import { z } from 'zod';
import { count, type Read, time } from './words.schema.ts';

/** Answers of interface section 4, as they go over the wire: times are ISO 8601, UTC. */

export const serviceStatuses = ['awaiting-initial-run', 'active', 'suspended', 'down', 'error'] as const;

export const warningSchema = z.object({
  code: z.string(),
  text: z.string(),
  since: time.describe('since when it holds'),
});

export const countsSchema = z.object({
  received: count,
  archived: count,
  matched: count,
  skipped: count,
  held: count,
  quarantined: count,
  absorbed: count.describe('part of archived and matched: levels L2 and L4'),
  rejected: count.describe('never received'),
});

export const canaryStandings = ['waiting', 'passed', 'late', 'missing', 'unsent'] as const;
export const canarySchema = z.object({
  standing: z
    .enum(canaryStandings)
    .describe(
      'what became of the last one: `waiting` for the first; `passed` within its limit; `late`; `missing`; `unsent`, the server takes none',
    ),
  sentAt: time.nullable().describe('of the one under way'),
  dueAt: time.nullable().describe('its journal copy is expected by then'),
  nextAt: time.describe('when the next one goes out'),
  lastCameAt: time.nullable().describe('when a journal copy last came'),
  lastTookSeconds: count.nullable().describe('how long that one took'),
  missed: count.describe('in a row, up to now'),
  unsent: z.string().nullable().describe('what the mail server said; null where it takes them'),
  counts: z.object({ sent: count, came: count }),
});

export const statusSchema = z.object({
  id: z.string(),
  description: z.string(),
  transport: z.enum(['smtp', 'pop3']),
  serviceStatus: z.enum(serviceStatuses),
  since: time.nullable(),
  reason: z.string().nullable(),
  hint: z.string().nullable(),
  lastSuccessfulExtract: time.nullable().describe('null reads "Awaiting Initial Run"'),
  lastMessageAt: time.nullable(),
  processingQueue: z.object({
    messages: count.describe('received and not yet settled'),
    bytes: count,
    oldest: time.nullable(),
    waiting: z.object({ delayed: count, matching: count }),
  }),
  pop3MailboxQueue: count.nullable().describe('messages in the mailbox at the last connection'),
  pop3MailboxQueueAt: time.nullable(),
  counts: countsSchema,
  nextPollAt: time.nullable(),
  nextRetryAt: time.nullable(),
  failures: count,
  patience: z
    .object({
      since: time.describe('since when reports may wait at the sender'),
      exchangeUntil: time.describe('Exchange gives the first of them up then: after two days, unless set otherwise'),
      gmailUntil: time.describe('Gmail does: after eight days'),
    })
    .nullable()
    .describe('while an `smtp` definition takes no mail, or none comes; null while it does'),
  usualSilence: z
    .object({
      longestSeconds: count.describe('the longest silence about this hour of the week, the worst week left out'),
      limitSeconds: count.describe('beyond it a silence is a warning'),
      weeks: count.describe('weeks that this was learnt from'),
    })
    .nullable()
    .describe('what is usual now, of an `smtp` definition; null before four weeks are known'),
  canary: canarySchema.nullable().describe('null without one'),
  warnings: z.array(warningSchema),
  inactivity: z
    .object({
      allowedMs: count,
      downAt: time.nullable().describe('when it will be `down` if no message comes; null while that is not counted'),
    })
    .nullable()
    .describe('`smtp` only'),
  machine: z
    .union([z.string(), z.record(z.string(), z.unknown())])
    .describe("state value of the definition's statechart"),
  worker: z.string().optional().describe('the worker of a cluster that runs it'),
});

export const anchorSchema = z.object({
  name: z.string(),
  kind: z.enum(['file', 'webhook', 'rfc3161']),
  lastAt: time.nullable().describe('when a head was last kept there'),
  failingSince: time.nullable(),
});

export const scrubSchema = z.object({
  startedAt: time.nullable().describe('of the pass under way'),
  bytes: count.describe('read in it so far'),
  totalBytes: count.describe('stored when it began'),
  lastCompletedAt: time.nullable(),
  readBytes: count.describe('read since the engine started'),
});

export const textIndexSchema = z.object({
  behind: count.describe('messages that are not found by their text yet'),
  messages: count.describe('entries whose words it has'),
  truncated: count.describe('of these, those that have more words than are kept'),
  unreadable: count.describe('of these, those that could not be read'),
});

export const clusterSchema = z.object({
  workers: z
    .array(
      z.object({
        name: z.string(),
        alive: z.boolean().describe('it renewed its place within 15 s'),
        version: z.string().nullable(),
        behindRecords: count.nullable().describe('records of the log that its index lacks'),
        behindSeconds: count.nullable().describe('age of the oldest of them'),
      }),
    )
    .describe('those that live, and those that went within a day without having been stopped'),
  duties: z.array(
    z.object({
      kind: z.enum(['definition', 'gateway', 'archive']),
      mine: count.describe('that this worker does'),
      unheld: count.describe('that nobody does'),
    }),
  ),
  logSeq: count.describe('records of the log in the database'),
  database: z.object({
    failingSince: time.nullable().describe('null while it answers'),
    isAwaited: z.boolean().nullable().describe('each commit waits for a standby; null: not known yet'),
    standbys: count.nullable().describe('synchronous ones that follow; null: not known, or not for this role to see'),
    clockAheadSeconds: z
      .number()
      .int()
      .describe('how far the clock of this machine is ahead of that of the database, by which all is judged'),
  }),
  packs: z
    .object({
      swept: count.describe('packs that nothing named, removed by this worker since it started'),
      lastSweptAt: time.nullable().describe('by this worker'),
      locked: count
        .nullable()
        .describe(
          'packs whose mail was deleted, or that nothing names, and that a lock keeps; null: another worker does the work of the archive, or this one has not looked yet',
        ),
    })
    .nullable()
    .describe('of the object storage; null: bodies lie in the database'),
});

export const engineStatusSchema = z.object({
  engine: z.object({
    version: z.string(),
    startedAt: time,
    now: time,
    store: z.string(),
    ready: z.boolean(),
    warnings: z.array(warningSchema),
    anchors: z.array(anchorSchema).describe('where signed heads are kept'),
    scrub: scrubSchema.describe('how far every stored byte was read again'),
    textIndex: textIndexSchema.nullable().describe('words of the messages; null where `search.text` is off'),
    worker: z.string().optional().describe('the name of this worker, in a cluster'),
    cluster: clusterSchema.optional(),
  }),
  definitions: z.array(statusSchema),
});

/** Of a 304: there is no body. */
export const unchangedSchema = z.undefined();

export const healthStates = ['healthy', 'degraded', 'unhealthy'] as const;
export const componentSchema = z.object({
  name: z.string(),
  status: z.enum(healthStates),
  detail: z.string().nullable(),
});
export const healthSchema = z.object({
  status: z.enum(healthStates).describe('the worst of the components'),
  components: z.array(componentSchema),
});
export const aliveSchema = z.object({ status: z.literal('alive') });
export const readySchema = z.object({ ready: z.literal(true), missing: z.array(z.string()) });

export type Status = Read<z.infer<typeof statusSchema>>;
export type AnchorStatus = Read<z.infer<typeof anchorSchema>>;
export type ScrubStatus = Read<z.infer<typeof scrubSchema>>;
export type TextIndexStatus = Read<z.infer<typeof textIndexSchema>>;
export type EngineStatus = Read<z.infer<typeof engineStatusSchema>>;
export type Component = Read<z.infer<typeof componentSchema>>;
export type ClusterStatus = Read<z.infer<typeof clusterSchema>>;
export type HealthState = (typeof healthStates)[number];
