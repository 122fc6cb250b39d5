import type { ComponentChildren } from 'preact';
import { Foreign } from '../../parts/foreign.tsx';
import { ServicePill } from '../../parts/pill.tsx';
import { Time } from '../../parts/time.tsx';
import { may } from '../../session.ts';
import { statusOf } from '../../stream.ts';
import type { Status } from '../../wire.types.ts';
import { figure } from '../../words.ts';
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
  const { since, hint, lastSuccessfulExtract, processingQueue, counts, warnings, canary } = status;
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
              <Foreign text={hint} />
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
        {status.transport === 'pop3' && (
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
        <Fact name="Received">{figure(counts.received)}</Fact>
        {canary !== null && (
          <Fact name="Canary">
            <Canary canary={canary} />
          </Fact>
        )}
      </dl>
      {warnings.map(({ code, text }) => (
        <p key={code + text} class="note warn">
          <Foreign text={text} />
        </p>
      ))}
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
