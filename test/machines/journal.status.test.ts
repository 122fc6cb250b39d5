import { describe, expect, test } from 'vitest';
import { cleaned, hintOf, hints } from '../../machines/hints.ts';
import { contextOf } from '../../machines/journal.context.ts';
import type { JournalContext } from '../../machines/journal.events.ts';
import { journalMachine } from '../../machines/journal.machine.ts';
import { statusOf } from '../../machines/journal.status.ts';
import { journalInput } from './journal-rig.ts';

const working = { draining: 'open' } as const;
const lastError = { at: 7, kind: 'auth', detail: '-ERR no' };
const processingFault = { at: 9, detail: 'Error: a bug', count: 1 };

/** The chart at rest in a state, with what its context then holds. */
function shown(health: string | null, change: Partial<JournalContext>, processing: object | string = working) {
  const connection = health === null ? 'suspended' : { enabled: { health, session: { smtp: 'binding' } } };
  const snapshot = journalMachine.resolveState({
    value: { connection, processing } as never,
    context: { ...contextOf(journalInput()), since: 5, ...change },
  });
  const { serviceStatus, since, reason, detail } = statusOf(snapshot);
  return [serviceStatus, since, reason, detail];
}

describe('Service Status', () => {
  test.each<[string, unknown[], unknown[]]>([
    ['active', shown('active', { status: 'active' }), ['active', 5, null, null]],
    ['awaiting', shown('awaitingInitialRun', {}), ['awaiting-initial-run', 5, null, null]],
    ['down', shown('down', { status: 'down' }), ['down', 5, 'inactivity', null]],
    ['an error', shown('error', { status: 'error', lastError }), ['error', 5, 'auth', '-ERR no']],
    ['suspended', shown(null, { status: 'suspended' }), ['suspended', 5, null, null]],
    [
      'a crash over down',
      shown('down', { status: 'down', processingFault }, 'faulted'),
      ['error', 9, 'faulted', 'Error: a bug'],
    ],
    [
      'a crash over awaiting',
      shown('awaitingInitialRun', { processingFault }, 'faulted'),
      ['error', 9, 'faulted', 'Error: a bug'],
    ],
    [
      'a crash over active',
      shown('active', { status: 'active', processingFault }, 'faulted'),
      ['error', 9, 'faulted', 'Error: a bug'],
    ],
    [
      'an error over a crash',
      shown('error', { status: 'error', lastError, processingFault }, 'faulted'),
      ['error', 5, 'auth', '-ERR no'],
    ],
    [
      'suspended over a crash',
      shown(null, { status: 'suspended', processingFault }, 'faulted'),
      ['suspended', 5, null, null],
    ],
    ['a crash that is over', shown('active', { status: 'active', processingFault }), ['active', 5, null, null]],
  ])('reads %s by the precedence Suspended, Error, Down, Awaiting Initial Run, Active', (_, said, expected) => {
    expect(said).toEqual(expected);
  });

  test('a chart that broke reads error', () => {
    const snapshot = journalMachine.resolveState({
      value: { connection: { enabled: { health: 'active', session: { smtp: 'binding' } } }, processing: working },
      context: { ...contextOf(journalInput()), status: 'active' },
      status: 'error',
      error: new Error('a bug'),
    } as never);
    expect(statusOf(snapshot)).toMatchObject({ serviceStatus: 'error', reason: 'faulted', detail: 'Error: a bug' });
  });

  test('the state value is shown as the visualisation names it', () => {
    const snapshot = journalMachine.resolveState({
      value: { connection: 'suspended', processing: working },
      context: contextOf(journalInput({ suspended: true })),
    });
    expect(statusOf(snapshot).machine).toEqual({ connection: 'suspended', processing: { draining: 'open' } });
  });
});

describe('inactivity', () => {
  const allowedMs = 180_000;
  const of = (health: string, change: Partial<JournalContext>) =>
    statusOf(
      journalMachine.resolveState({
        value: { connection: { enabled: { health, session: { smtp: 'listening' } } }, processing: working } as never,
        context: { ...contextOf(journalInput()), inactivityAllowedMs: allowedMs, ...change },
      }),
    ).inactivity;

  test('tells when it will be down: what was listened already counts', () => {
    const listening = { status: 'active', listenedMs: 50_000, listeningSinceAt: 1_000_000 } as const;
    expect(of('active', listening)).toEqual({ allowedMs, downAt: 1_130_000 });
    expect(of('awaitingInitialRun', { ...listening, status: 'awaiting-initial-run' })?.downAt).toBe(1_130_000);
    expect(of('active', { ...listening, listenedMs: allowedMs + 1 })?.downAt).toBe(1_000_000);
  });

  test('tells no time while silence is not counted, and nothing at all for a mailbox', () => {
    expect(of('active', { status: 'active', listeningSinceAt: null })).toEqual({ allowedMs, downAt: null });
    expect(of('down', { status: 'down', listeningSinceAt: 1_000_000 })?.downAt).toBeNull();
    expect(of('active', { status: 'active', transport: 'pop3' })).toBeNull();
  });
});

describe('hints', () => {
  const kinds =
    'dns refused timeout tls-untrusted tls-expired tls-name tls-protocol stls-missing auth mailbox-locked protocol bind storage';

  test.each([...kinds.split(' '), 'inactivity', 'faulted'])('%s has a sentence for a person', (kind) => {
    expect(hintOf(kind, '')).toMatch(/^[A-Z].{20,}\.$/);
  });

  test('none advises to switch encryption off', () => {
    for (const hint of Object.values(hints)) expect(hint).not.toMatch(/unencrypted|off encryption|disable|relaxed/i);
  });

  test('an unexpected answer is quoted, cleaned and cut at 120 characters', () => {
    expect(hintOf('protocol', `-ERR\r\n\u0007odd\u2028 ${'x'.repeat(500)}`)).toBe(
      `${hints.protocol} It said: -ERR odd ${'x'.repeat(111)}`,
    );
    expect(cleaned('😀'.repeat(121))).toBe('😀'.repeat(120));
  });

  test('a refused login is told in the words of the server, which may name another cause', () => {
    const said = '-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.';
    expect(hintOf('auth', said)).toBe(`${hints.auth} It said: ${said}`);
  });

  test('a certificate that may be pinned is shown with the whole of its fingerprint', () => {
    const seen = `UNABLE_TO_GET_ISSUER_CERT_LOCALLY, certificate SHA-256 ${'a1'.repeat(32)}`;
    expect(hintOf('tls-untrusted', seen)).toBe(`${hints['tls-untrusted']} It showed: ${seen}`);
  });

  test('a kind that the table lacks shows what is known; words of the language are no kinds', () => {
    expect(hintOf('odd', 'the cable')).toBe('the cable');
    expect(hintOf('constructor', '')).toBe('See the log for what happened.');
  });
});
