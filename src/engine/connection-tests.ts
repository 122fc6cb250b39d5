import { firstValueFrom, from, map, race, timer } from 'rxjs';
import type { TestResult, TestSession } from '../http/api.types.ts';
import { judgeRecipient } from '../smtp/access.ts';
import { replyCode } from '../smtp/reply.ts';
import type { AdministrationParts } from './administration.ts';
import type { Definition } from './definition-book.types.ts';
import { definitionEvent } from './definition-events.ts';
import { createRoutes } from './smtp-routes.ts';

/** A test that waits for a long session says so instead; the poll tells as much. */
const longestWaitMs = 30_000;

type Steps = TestResult['steps'];

/** Runs the connection test of a definition (journaling d.2, T15) and notes its result. Changes nothing. */
export async function testDefinition(
  parts: AdministrationParts,
  definition: Definition,
  by: { readonly actor: string; readonly session: TestSession | undefined },
): Promise<TestResult> {
  const { id, config } = definition;
  const steps =
    config.transport === 'pop3' ? await mailboxSteps(parts, definition) : smtpSteps(parts, definition, by.session);
  const ok = steps.every((step) => step.ok);
  parts.workshop.note(definitionEvent('connector.test', id, by.actor, { ok, steps }));
  return { ok, steps };
}

function mailboxSteps({ mailboxes, workshop: { clock } }: AdministrationParts, definition: Definition): Promise<Steps> {
  const tested$ = from(mailboxes.test(definition));
  const late$ = timer(longestWaitMs, clock).pipe(
    map((): Steps => [step('connect', false, 'a session is under way for long, or the server does not answer')]),
  );
  return firstValueFrom(race(tested$, late$));
}

/** By SMTP the other side connects: what can be told is whether it would be let in, and as whom. */
function smtpSteps(
  { workshop, actor }: AdministrationParts,
  definition: Definition,
  session: TestSession | undefined,
): Steps {
  const { book, options, passwords } = workshop;
  const { state } = actor.getSnapshot().context.listeners.smtp;
  const bound = state.state === 'bound';
  const listener = step(
    'listener',
    bound,
    state.state === 'failed' ? state.failure.detail : bound ? 'bound' : 'not bound yet',
  );
  const accepting = step('definition', !definition.suspended, definition.suspended ? 'suspended: 450' : 'takes mail');
  if (session === undefined) return [listener, accepting];
  const address = definition.options.serviceEmailAddress;
  const authorizedSources = (): readonly string[] => options.smtp.authorizedSources;
  const refusal = judgeRecipient(createRoutes({ book, authorizedSources, passwords }).findRoute(address), {
    peer: session.peer,
    secure: session.secure,
    identity: session.authenticated ? address : null,
    address,
  });
  const answer = refusal === undefined ? '250' : `${replyCode(refusal)} ${refusal.reason}`;
  return [listener, step('recipient', refusal === undefined, `RCPT from ${session.peer} would be answered ${answer}`)];
}

const step = (name: Steps[number]['step'], ok: boolean, detail: string): Steps[number] => ({
  step: name,
  ok,
  detail,
  kind: null,
  ms: 0,
});
