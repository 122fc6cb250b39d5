import { useSignal } from '@preact/signals';
import { call, pathOf, read, withQuery } from '../../api.ts';
import { useDoing } from '../../doing.ts';
import { useLoad } from '../../load.ts';
import { Button, Submit } from '../../parts/button.tsx';
import { Dialog, ReasonField } from '../../parts/dialog.tsx';
import { Code, Facts } from '../../parts/facts.tsx';
import { Foreign } from '../../parts/foreign.tsx';
import { PageFrame } from '../../parts/page-frame.tsx';
import { FaultNote, WhenLoaded } from '../../parts/states.tsx';
import { Steps } from '../../parts/steps.tsx';
import { Bytes, Instant, Time } from '../../parts/time.tsx';
import { may } from '../../session.ts';
import type { IntakeDetail } from '../../wire.types.ts';

/** One intake record: what became of it, step by step, and what can be done about it. */
export function IntakePage({ id }: { readonly id: string }) {
  const path = pathOf('intake', id);
  const { loaded, again } = useLoad((aborted) => read<IntakeDetail>(path, aborted));
  const record = loaded.value.value;
  const actions = (
    <>
      {record !== undefined && may('change') && <Repeat record={record} path={path} done={again} />}
      {may('explain') && record?.rawPurgedAt === null && (
        <a class="button" href={withQuery('/explain', { intake: id })}>
          Explain
        </a>
      )}
      {may('read-intake-raw') && record?.rawPurgedAt === null && (
        <a class="button" href={`${path}/raw`} download>
          Download .eml
        </a>
      )}
      <a class="button" href="/intake">
        All intake
      </a>
    </>
  );
  return (
    <PageFrame title="Intake record" actions={actions}>
      <WhenLoaded loaded={loaded.value} again={again}>
        {(known) => (
          <>
            <About record={known} />
            <Clock record={known} />
            <h2>Every step</h2>
            <Steps steps={known.steps} label="Every step" />
          </>
        )}
      </WhenLoaded>
    </PageFrame>
  );
}

/** What can be done again: held and skipped ones are released, quarantined ones retried. */
function Repeat({
  record,
  path,
  done,
}: {
  readonly record: IntakeDetail;
  readonly path: string;
  readonly done: () => void;
}) {
  const asking = useSignal(false);
  const { busy, fault, run, forget } = useDoing();
  const show = (dialog: boolean) => (): void => {
    asking.value = dialog;
    forget();
  };
  const reason = useSignal('');
  const setReason = (text: string): void => {
    reason.value = text;
  };
  const { state, rawPurgedAt } = record;
  const what = state === 'quarantined' ? 'retry' : state === 'held' || state === 'skipped' ? 'release' : null;
  if (what === null || rawPurgedAt !== null) return null;
  const word = what === 'retry' ? 'Try again' : 'Release';
  const send = (event: SubmitEvent): void => {
    event.preventDefault();
    run(async () => {
      const body = reason.value.trim() === '' ? {} : { reason: reason.value.trim() };
      await call(`${path}/${what}`, { method: 'POST', body });
      asking.value = false;
      done();
    });
  };
  return (
    <>
      <Button primary onClick={show(true)}>
        {word}
      </Button>
      {asking.value && (
        <Dialog title={word} onClose={show(false)}>
          <form onSubmit={send}>
            <p>It goes through again, and the rule that stopped it ({record.reason}) is off.</p>
            {fault.value !== null && <FaultNote fault={fault.value} />}
            <ReasonField value={reason.value} onChange={setReason} />
            <div class="actions-row">
              <Submit off={busy.value}>{word}</Submit>
              <Button onClick={show(false)}>Cancel</Button>
            </div>
          </form>
        </Dialog>
      )}
    </>
  );
}

function About({ record }: { readonly record: IntakeDetail }) {
  const { id, definition, definitionVersion, state, reason, receivedAt, size, sha256, attempt, entryId, flags } =
    record;
  const { nextAttemptAt, deadline, purgeRawAt, rawPurgedAt, origin, transport } = record;
  const { kind, peer, tls, authenticatedAs, uidl, mailFrom, rcptTo } = transport;
  return (
    <Facts
      rows={[
        ['Intake', <Code key="" text={id} />],
        ['State', `${state}${reason === null ? '' : `, ${reason}`}`],
        ['Definition', definition === null ? 'mail gateway' : `${definition}, version ${definitionVersion}`],
        [
          'Message',
          entryId !== null && may('read-messages') ? (
            <a href={`/messages/${encodeURIComponent(entryId)}`}>{entryId}</a>
          ) : (
            entryId
          ),
        ],
        ['Received', <Instant key="" at={receivedAt} />],
        ['Attempts', String(attempt)],
        ['Next try', nextAttemptAt === null ? null : <Time at={nextAttemptAt} />],
        ['Archived at the latest', deadline === null ? null : <Instant at={deadline} />],
        ['Flags', flags.join(', ')],
        ['Size', <Bytes key="" count={size} />],
        ['SHA-256', <Code key="" text={sha256} />],
        ['Came by', `${kind} as ${origin}${peer === null ? '' : ` from ${peer}`}${tls === null ? '' : `, ${tls}`}`],
        ['Logged in as', authenticatedAs],
        ['UIDL', uidl === null ? null : <Foreign text={uidl} />],
        ['MAIL FROM', mailFrom === undefined || mailFrom === null ? null : <Foreign text={`<${mailFrom}>`} />],
        [
          'RCPT TO',
          rcptTo === undefined || rcptTo.length === 0 ? null : <Foreign text={rcptTo.join(', ')} most={2_000} />,
        ],
        [
          'Bytes given up',
          rawPurgedAt !== null ? <Instant at={rawPurgedAt} /> : purgeRawAt === null ? null : <Time at={purgeRawAt} />,
        ],
      ]}
    />
  );
}

/** Of a held record: the times by which its age was judged, and the one that counted. */
function Clock({ record: { clock } }: { readonly record: IntakeDetail }) {
  if (clock === null) return null;
  const { messageTime, date, reportSent, oldestReceived, newestReceived, outerDate } = clock;
  const shown = (at: string | null) => (at === null ? 'none' : <Instant at={at} />);
  return (
    <>
      <h2>Its age was judged by</h2>
      <Facts
        rows={[
          ['Compared', <Instant key="" at={messageTime} />],
          ['Date header', shown(date)],
          ['Sent, by the report', shown(reportSent)],
          ['Oldest Received', shown(oldestReceived)],
          ['Newest Received', shown(newestReceived)],
          ['Date of the report', shown(outerDate)],
        ]}
      />
    </>
  );
}
