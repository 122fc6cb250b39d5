import type { ComponentChildren } from 'preact';
import { pathOf, read } from '../../api.ts';
import { useLoad } from '../../load.ts';
import { Code, Facts } from '../../parts/facts.tsx';
import { Foreign } from '../../parts/foreign.tsx';
import { PageFrame } from '../../parts/page-frame.tsx';
import { Note, WhenLoaded } from '../../parts/states.tsx';
import { Steps } from '../../parts/steps.tsx';
import { Table } from '../../parts/table.tsx';
import { Instant } from '../../parts/time.tsx';
import type { Entry, Trace } from '../../wire.types.ts';
import { Content } from './content.tsx';
import { Proof } from './proof.tsx';

/** One archived message: who had it, what it says, where it came from, and how that is proven. */
export function MessagePage({ id }: { readonly id: string }) {
  const path = pathOf('messages', id);
  const { loaded, again } = useLoad((aborted) => read<Entry>(path, aborted));
  const download = (
    <>
      <a class="button" href={`${path}/raw`} download>
        Download .eml
      </a>
      <a class="button" href="/messages">
        All messages
      </a>
    </>
  );
  return (
    <PageFrame title="Message" actions={download}>
      <WhenLoaded loaded={loaded.value} again={again}>
        {(entry) => (
          <>
            <Head entry={entry} />
            <Recipients entry={entry} />
            <Part title="Content">
              <Content id={id} representations={entry.representations} />
            </Part>
            <Part title="How it came to be">
              <TraceOf path={path} />
            </Part>
            <Part title="Proof">
              <Proof entry={entry} />
            </Part>
          </>
        )}
      </WhenLoaded>
    </PageFrame>
  );
}

function Part({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <section>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Head({ entry }: { readonly entry: Entry }) {
  const { subject, date, from, sender, onBehalfOf, messageId, mailboxes, archivedAt, origin, flags, holds } = entry;
  return (
    <>
      {holds.length > 0 && (
        <Note tone="warn">On legal hold ({holds.join(', ')}): it is not deleted until that is lifted.</Note>
      )}
      <Facts
        rows={[
          ['Subject', <Foreign key="" text={subject ?? '(no subject)'} />],
          ['Date', date === null ? 'none' : <Instant at={date} />],
          ['From', from === null ? null : <Foreign text={from} />],
          [
            'Envelope sender',
            sender === null ? null : <Foreign text={sender === '' ? '<> (the null sender)' : sender} />,
          ],
          ['On behalf of', onBehalfOf === null ? null : <Foreign text={onBehalfOf} />],
          ['Message-ID', messageId === null ? 'none' : <Foreign text={messageId} />],
          ['Mailboxes', mailboxes.length === 0 ? null : <Foreign text={mailboxes.join(', ')} most={2_000} />],
          ['Archived', <Instant key="" at={archivedAt} />],
          ['Came as', origin],
          ['Flags', flags.join(', ')],
        ]}
      />
    </>
  );
}

type Recipient = Entry['recipients'][number];
/** Where a recipient is known from, in words. */
const sources: Readonly<Record<Recipient['sources'][number], string>> = {
  envelope: 'journal envelope',
  header: 'header of the message',
  harvest: 'read out of a damaged report',
  trace: 'trace header',
  unverified: 'not verified',
};

/** Beyond this many a page is no help; the API has them all. */
const mostShown = 500;

function Recipients({ entry: { recipients } }: { readonly entry: Entry }) {
  const title = `Recipients (${recipients.length})`;
  return (
    <Part title={title}>
      <Table
        caption={title}
        rows={recipients.slice(0, mostShown)}
        keyOf={({ address, type }) => `${type} ${address}`}
        columns={[
          { head: 'Address', cell: ({ address }: Recipient) => <Foreign text={address} most={160} /> },
          { head: 'Type', cell: ({ type }) => type },
          { head: 'Known from', cell: ({ sources: from }) => from.map((source) => sources[source]).join(', ') },
          { head: 'By way of', cell: Via },
          {
            head: 'Directory',
            cell: ({ internal, known }) => (internal ? (known ? 'internal' : 'internal, unknown') : 'external'),
          },
        ]}
      />
      {recipients.length > mostShown && <p class="soft">The first {mostShown} are shown.</p>}
    </Part>
  );
}

function Via({ via }: Recipient) {
  return (
    <>
      {via.map(({ kind, address }) => (
        <span key={kind + address} class="under">
          {kind} from <Foreign text={address} most={120} />
        </span>
      ))}
    </>
  );
}

function TraceOf({ path }: { readonly path: string }) {
  const { loaded, again } = useLoad((aborted) => read<Trace>(`${path}/trace`, aborted));
  return (
    <WhenLoaded loaded={loaded.value} again={again}>
      {({ copies, omitted }) => (
        <>
          {copies.map((copy) => (
            <section key={copy.intakeId} class="copy">
              <h3>
                {copy.origin} copy{copy.definition === null ? '' : ` of ${copy.definition}`}, level {copy.level}
              </h3>
              <p class="soft">
                Intake{' '}
                <a href={`/intake/${encodeURIComponent(copy.intakeId)}`}>
                  <Code text={copy.intakeId} />
                </a>
                {copy.reason === null ? '' : `, ${copy.reason}`}
              </p>
              <Steps steps={copy.steps} label={`Steps of ${copy.intakeId}`} />
            </section>
          ))}
          {omitted > 0 && <p class="soft">And {omitted} further copies.</p>}
        </>
      )}
    </WhenLoaded>
  );
}
