import type { ComponentChildren } from 'preact';
import { withQuery } from '../../api.ts';
import { Advice } from '../../parts/foreign.tsx';
import { PatienceClocks } from '../../parts/patience.tsx';
import { ServicePill } from '../../parts/pill.tsx';
import { Time } from '../../parts/time.tsx';
import { may } from '../../session.ts';
import { statusOf } from '../../stream.ts';
import type { Status } from '../../wire.types.ts';
import { counted, figure, span } from '../../words.ts';
import { ConnectionTest } from './connection-test.tsx';
import { Controls } from './controls.tsx';
import type { Editing } from './editing.ts';

/** The guide's third section: how the service fares, and what can be done about it. */
export function ServiceStatus({ id, editing }: { readonly id: string; readonly editing: Editing }) {
  const status = statusOf(id);
  return (
    <section class="service" aria-labelledby="service-status">
      <h2 id="service-status">Service Status</h2>
      {status === undefined ? <p class="soft">It is starting.</p> : <Facts status={status} />}
      {may('change') && status !== undefined && <Controls status={status} editing={editing} />}
      {may('change') && <ConnectionTest id={id} unsaved={editing.differences.value.length > 0} />}
    </section>
  );
}

function Facts({ status }: { readonly status: Status }) {
  const { id, transport, since, hint, lastSuccessfulExtract, lastMessageAt, processingQueue } = status;
  const { counts, warnings, patience, usualSilence, canary } = status;
  return (
    <>
      <dl class="glance">
        <Fact name="Service Status">
          <ServicePill status={status} />{' '}
          {since !== null && (
            <span class="soft">
              since <Time at={since} />
            </span>
          )}
          {hint !== null && (
            <p class="under hint">
              <Advice text={hint} />
            </p>
          )}
        </Fact>
        <Fact name="Last Successful Extract">
          {lastSuccessfulExtract === null ? 'Awaiting Initial Run' : <Time at={lastSuccessfulExtract} />}
        </Fact>
        <Fact name="Processing Queue">
          {figure(processingQueue.messages)}
          {processingQueue.oldest !== null && (
            <span class="soft">
              {' '}
              oldest <Time at={processingQueue.oldest} />
            </span>
          )}
        </Fact>
        {transport === 'pop3' && (
          <Fact name="POP3 Mailbox Queue">
            {status.pop3MailboxQueue === null ? '—' : figure(status.pop3MailboxQueue)}
            {status.pop3MailboxQueueAt !== null && (
              <span class="soft">
                {' '}
                seen <Time at={status.pop3MailboxQueueAt} />
              </span>
            )}
          </Fact>
        )}
        <Fact name="Received">
          {figure(counts.received)}
          <span class="soft">
            {' '}
            {lastMessageAt === null ? (
              'no message yet'
            ) : (
              <>
                last <Time at={lastMessageAt} />
              </>
            )}
          </span>
        </Fact>
        {transport === 'smtp' && (
          <Fact name="Refused">
            <Refused id={id} count={counts.rejected} />
          </Fact>
        )}
        {transport === 'smtp' && (
          <Fact name="Usual Silence">
            <Usual silence={usualSilence} />
          </Fact>
        )}
        {canary !== null && (
          <Fact name="Canary">
            <Canary canary={canary} />
          </Fact>
        )}
      </dl>
      {patience !== null && <PatienceClocks patience={patience} />}
      {warnings.map(({ code, text }) => (
        <p key={code + text} class="note warn">
          <Advice text={text} />
        </p>
      ))}
    </>
  );
}

/** What senders were told why stands in the event log. */
function Refused({ id, count }: { readonly id: string; readonly count: number }) {
  if (count === 0 || !may('read-events')) return <>{figure(count)}</>;
  return <a href={withQuery('/events', { type: 'smtp.rejected', definition: id })}>{figure(count)}</a>;
}

/** Learnt by hour of the week, with the figures it comes from. */
function Usual({ silence }: { readonly silence: Status['usualSilence'] }) {
  if (silence === null) return <span class="soft">not known before four weeks</span>;
  const { longestSeconds, limitSeconds, weeks } = silence;
  return (
    <>
      {span(longestSeconds * 1_000)} at this hour
      <span class="soft">
        {' '}
        of {counted(weeks, 'week')}; a warning from {span(limitSeconds * 1_000)} on
      </span>
    </>
  );
}

const canaryWords = {
  waiting: 'Awaiting the first',
  passed: 'Came through',
  late: 'Late',
  missing: 'Missing',
  unsent: 'Cannot be sent',
} as const;

function Canary({ canary }: { readonly canary: NonNullable<Status['canary']> }) {
  const { standing, lastCameAt, lastTookSeconds, dueAt, nextAt } = canary;
  return (
    <>
      {canaryWords[standing]}
      {lastCameAt !== null && (
        <span class="soft">
          {' '}
          last <Time at={lastCameAt} />
          {lastTookSeconds !== null && ` after ${lastTookSeconds} s`}
        </span>
      )}
      <p class="under soft">
        {dueAt === null ? 'next' : 'one is under way, due'} <Time at={dueAt ?? nextAt} />
      </p>
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
