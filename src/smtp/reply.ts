import type { EngineFailure, FailureCode } from '../../streams/failure.ts';
import type { Custodied } from '../../streams/message.ts';
import type { RejectReason } from './types.ts';

/** One SMTP answer. `text` begins with its enhanced status code (RFC 3463). */
export interface Reply {
  readonly code: number;
  readonly text: string;
}
/** A refusal, with the word that events use for it. */
export interface Refusal extends Reply {
  readonly reason: RejectReason;
}

/** Every refusal the listener gives by itself (journaling c.7, interface section 8). */
export const refusals = {
  unknownAddress: { code: 550, text: '5.1.1 no such service address', reason: 'unknown-address' },
  source: { code: 451, text: '4.7.1 your address may not send to this service address', reason: 'source' },
  tlsMissing: { code: 530, text: '5.7.0 must issue a STARTTLS command first', reason: 'tls-missing' },
  authMissing: { code: 530, text: '5.7.0 authentication required', reason: 'auth-missing' },
  otherIdentity: { code: 550, text: '5.7.1 authenticated as another service address', reason: 'other-identity' },
  suspended: { code: 450, text: '4.3.2 this journal definition is suspended', reason: 'suspended' },
  tooManyRecipients: { code: 452, text: '4.5.3 too many recipients', reason: 'too-many-recipients' },
  tooManyConnections: {
    code: 421,
    text: '4.3.2 too many connections, try again later',
    reason: 'too-many-connections',
  },
  tooManyCommands: { code: 421, text: '4.7.0 too many commands without a message', reason: 'too-many-commands' },
  authFailed: { code: 535, text: '5.7.8 authentication credentials invalid', reason: 'auth-failed' },
  authLocked: { code: 421, text: '4.7.0 too many failed logins, try again later', reason: 'auth-locked' },
  authChanged: { code: 421, text: '4.7.0 the credentials have changed, log in again', reason: 'auth-missing' },
  lineTooLong: { code: 500, text: '5.5.2 command line too long', reason: 'too-large' },
  tooSlow: { code: 421, text: '4.4.2 message data too slow', reason: 'too-slow' },
  sessionOver: { code: 421, text: '4.4.2 no message for too long', reason: 'too-slow' },
  tooLarge: { code: 552, text: '5.3.4 message exceeds the size limit', reason: 'too-large' },
  full: { code: 452, text: '4.3.1 no room for more mail now', reason: 'store-full' },
  overloaded: { code: 452, text: '4.3.2 too busy for more mail now', reason: 'overloaded' },
  notIntroduced: { code: 421, text: '4.3.5 the balancer did not say who you are', reason: 'proxy-header' },
  tooBusy: { code: 421, text: '4.3.2 too busy for more connections, try again later', reason: 'overloaded' },
  failed: { code: 451, text: '4.3.0 mail cannot be stored now', reason: 'store-failed' },
  timeout: { code: 451, text: '4.3.0 the message was not stored in time', reason: 'commit-timeout' },
  stopping: { code: 421, text: '4.3.2 service is stopping', reason: 'stopping' },
} as const satisfies Record<string, Refusal>;

/** Refusals that are about the state of a command, not about policy: no event. */
export const replies = {
  needRecipient: { code: 503, text: '5.5.1 need RCPT command' },
  authInMail: { code: 503, text: '5.5.1 AUTH is not permitted during a mail transaction' },
  authTemporary: { code: 454, text: '4.7.0 temporary authentication failure' },
  startData: { code: 354, text: 'end data with <CR><LF>.<CR><LF>' },
} as const satisfies Record<string, Reply>;

/** The proof of custody as the last answer (interface section 6). */
export function acknowledgement(custodied: Custodied): Reply {
  return { code: 250, text: `2.0.0 queued as ${custodied.intakeIds.join(',')} sha256=${custodied.sha256}` };
}

/** The answer to a message that did not come into custody. Whatever is not listed is ours and passes: 451. */
export function refusal(failure: EngineFailure, maxAgeMs: number): Refusal {
  if (failure.code === 'expired') {
    return { code: 550, text: `5.6.0 journal item older than ${spell(maxAgeMs)}`, reason: 'expired' };
  }
  return byFailure[failure.code] ?? refusals.failed;
}

/** Code and enhanced code of an answer: `550 5.1.1`. */
export function replyCode({ code, text }: Reply): string {
  return `${code} ${text.slice(0, text.indexOf(' '))}`;
}

const byFailure: Partial<Record<FailureCode, Refusal>> = {
  'store-failed': refusals.failed,
  'store-full': refusals.full,
  'commit-timeout': refusals.timeout,
  'too-large': refusals.tooLarge,
  stopping: refusals.stopping,
};

/** The largest unit that divides the duration: `30 days`, `36 hours`. */
function spell(durationMs: number): string {
  const units = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
  ] as const;
  for (const [name, unitMs] of units) {
    const count = durationMs / unitMs;
    if (Number.isInteger(count)) return `${count} ${name}${count === 1 ? '' : 's'}`;
  }
  return `${durationMs / 1000} seconds`;
}
