import { useSignal } from '@preact/signals';
import { call, pathOf, read, withQuery } from '../api.ts';
import { useDoing } from '../doing.ts';
import { useLoad } from '../load.ts';
import { Button, Submit } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Advice, Foreign } from '../parts/foreign.tsx';
import { PageFrame } from '../parts/page-frame.tsx';
import { Pager, useCursor } from '../parts/pager.tsx';
import { Pill, type Tone } from '../parts/pill.tsx';
import { Empty, FaultNote, WhenLoaded } from '../parts/states.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Instant, Time } from '../parts/time.tsx';
import { may } from '../session.ts';
import { openAlerts, readAlerts } from '../stream.ts';
import type { Alert, Page } from '../wire.types.ts';

const rowsShown = 100;

/** What is wrong, what to do about it, and who looks after it: all that is open, and the last week's. */
export function AlertsPage() {
  const cursor = useCursor();
  const asking = useSignal<Alert | null>(null);
  const { loaded, again } = useLoad((aborted) => {
    // What is raised or ends meanwhile is seen at once.
    openAlerts.value;
    return read<Page<Alert>>(withQuery('/v1/alerts', { limit: rowsShown, cursor: cursor.at.value }), aborted);
  });
  const ask = (alert: Alert | null): void => {
    asking.value = alert;
  };
  const acknowledged = async (): Promise<void> => {
    again();
    await readAlerts();
  };
  return (
    <PageFrame title="Alerts">
      <WhenLoaded loaded={loaded.value} again={again}>
        {({ items, next }) => (
          <>
            {items.length === 0 ? (
              <Empty>Nothing is wrong, and nothing was in the last week.</Empty>
            ) : (
              <Table caption="Alerts, the newest first" rows={items} keyOf={({ id }) => id} columns={columnsOf(ask)} />
            )}
            <Pager cursor={cursor} next={next} />
          </>
        )}
      </WhenLoaded>
      {asking.value !== null && <Acknowledge alert={asking.value} onDone={acknowledged} onClose={() => ask(null)} />}
    </PageFrame>
  );
}

interface AcknowledgeProps {
  readonly alert: Alert;
  readonly onDone: () => Promise<void>;
  readonly onClose: () => void;
}

/** Nobody is asked again, and its end is told all the same. */
function Acknowledge({ alert: { id, title }, onDone, onClose }: AcknowledgeProps) {
  const note = useSignal('');
  const { busy, fault, run } = useDoing();
  const send = (event: Event): void => {
    event.preventDefault();
    run(async () => {
      const text = note.value.trim();
      await call(`${pathOf('alerts', id)}/acknowledge`, { method: 'POST', body: text === '' ? {} : { note: text } });
      onClose();
      await onDone();
    });
  };
  return (
    <Dialog title={`Acknowledge: ${title}`} onClose={onClose}>
      <form onSubmit={send}>
        <p>You look after it: nobody is asked again. Its end is told to everybody who has heard of it.</p>
        <div class="field">
          <label for="alert-note">Note (may be left out)</label>
          <textarea
            id="alert-note"
            rows={2}
            maxLength={500}
            value={note.value}
            onInput={(event) => {
              note.value = event.currentTarget.value;
            }}
          />
        </div>
        {fault.value !== null && <FaultNote fault={fault.value} />}
        <div class="buttons">
          <Submit off={busy.value}>Acknowledge</Submit>
          <Button onClick={onClose}>Cancel</Button>
        </div>
      </form>
    </Dialog>
  );
}

const toneOf = ({ state, severity }: Alert): Tone =>
  state === 'resolved' ? 'good' : state === 'acknowledged' || severity === 'warning' ? 'paused' : 'bad';

function columnsOf(ask: (alert: Alert) => void): readonly Column<Alert>[] {
  return [
    { head: 'Alert', cell: What },
    { head: 'State', cell: (alert) => <Pill tone={toneOf(alert)} word={alert.state} /> },
    { head: 'About', cell: About },
    { head: 'Since', cell: ({ since }) => <Instant at={since} /> },
    { head: 'Asked', cell: ({ notices }) => notices, number: true },
    {
      head: 'Looked after by',
      cell: (alert) =>
        alert.state === 'open' && may('change') ? (
          <Button onClick={() => ask(alert)}>Acknowledge …</Button>
        ) : (
          <LookedAfter alert={alert} />
        ),
    },
  ];
}

function What({ title, text, advice }: Alert) {
  return (
    <>
      <strong>
        <Foreign text={title} />
      </strong>
      <span class="under">
        <Advice text={text} />
      </span>
      {advice !== null && (
        <span class="under">
          <Advice text={advice} />
        </span>
      )}
    </>
  );
}

/** Where more is seen of it, and done about it. */
const places: Readonly<Record<string, readonly [word: string, path: string, state?: string]>> = {
  held: ['Intake, held', '/intake', 'held'],
  quarantine: ['Intake, quarantined', '/intake', 'quarantined'],
  gap: ['Ledger, gaps', '/ledger'],
  disk: ['Store', '/store'],
  damage: ['Store', '/store'],
  anchor: ['Store', '/store'],
};

function About({ kind, definition }: Alert) {
  const [word, path, state] = places[kind] ?? [];
  return (
    <>
      {definition === null ? 'the engine' : <a href={`/journaling/${encodeURIComponent(definition)}`}>{definition}</a>}
      {path !== undefined && (
        <span class="under">
          <a href={withQuery(path, { state, definition: definition ?? undefined })}>{word}</a>
        </span>
      )}
    </>
  );
}

function LookedAfter({ alert: { acknowledgedAt, acknowledgedBy, note, resolvedAt } }: { readonly alert: Alert }) {
  return (
    <>
      {acknowledgedBy !== null && <Foreign text={acknowledgedBy} />}
      {acknowledgedAt !== null && (
        <span class="soft">
          {' '}
          <Time at={acknowledgedAt} />
        </span>
      )}
      {note !== null && (
        <span class="under">
          <Foreign text={note} most={300} />
        </span>
      )}
      {resolvedAt !== null && (
        <span class="under">
          over since <Time at={resolvedAt} />
        </span>
      )}
    </>
  );
}
