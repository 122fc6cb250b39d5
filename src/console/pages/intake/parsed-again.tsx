import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { useDoing } from '../../doing.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Foreign } from '../../parts/foreign.tsx';
import { FaultNote, Note } from '../../parts/states.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { may } from '../../session.ts';
import type { Reparse } from '../../wire.types.ts';
import { counted, figure } from '../../words.ts';

type Item = Reparse['items'][number];
type Counts = Pick<Reparse, 'looked' | 'repaired'>;
export type Filtered = Readonly<Record<string, string>>;

/** Looked at in one call of the dry run; a call is bounded. */
const looked = 500;
/** Rows shown of those that differ. */
const rowsShown = 100;

/** What today's parser says otherwise of the records that are listed, and putting it in force. */
export function ParsedAgain({ filters }: { readonly filters: Filtered }) {
  const shown = useSignal<Reparse | null>(null);
  const done = useSignal<Counts | null>(null);
  const { busy, fault, run } = useDoing();
  const asking = useSignal(false);
  const show = (dialog: boolean): void => {
    asking.value = dialog;
  };
  const look = (): void =>
    run(async () => {
      done.value = null;
      shown.value = await ask('/v1/intake/reparse', { ...filters, limit: looked });
    });
  const apply = (): void =>
    run(async () => {
      show(false);
      shown.value = null;
      await applyAll(filters, (counts) => {
        done.value = counts;
      });
    });
  return (
    <>
      <div class="actions-row">
        <Button off={busy.value} onClick={look}>
          {busy.value ? 'Parsing…' : 'Parse again'}
        </Button>
      </div>
      {fault.value !== null && <FaultNote fault={fault.value} />}
      {done.value !== null && <Done counts={done.value} />}
      {shown.value !== null && <Shown reparse={shown.value} apply={() => show(true)} />}
      {asking.value && (
        <Dialog title="Put the newer parses in force" onClose={() => show(false)}>
          <p>
            In every record that fits the filters, a newer parse of the same message takes the place of the older one.
            No byte of the mail changes. Each is told of in the event log.
          </p>
          <div class="actions-row">
            <Button primary onClick={apply}>
              Put in force
            </Button>
            <Button onClick={() => show(false)}>Cancel</Button>
          </div>
        </Dialog>
      )}
    </>
  );
}

const ask = async (path: string, body: object): Promise<Reparse> =>
  (await call<Reparse>(path, { method: 'POST', body })).body;

/** Page after page; what was done stands, wherever it stops. */
async function applyAll(filters: Filtered, told: (counts: Counts) => void): Promise<void> {
  const sum = { looked: 0, repaired: 0 };
  for (let cursor: string | null = null; ; ) {
    const wanted: object = cursor === null ? filters : { ...filters, cursor };
    const page: Reparse = await ask('/v1/intake/reparse/apply', wanted);
    sum.looked += page.looked;
    sum.repaired += page.repaired;
    told({ ...sum });
    if (page.next === null) return;
    cursor = page.next;
  }
}

function Done({ counts }: { readonly counts: Counts }) {
  return (
    <Note tone="good">
      <p role="status">
        {counted(counts.repaired, 'message')} repaired of {figure(counts.looked)} looked at.
      </p>
    </Note>
  );
}

function Shown({ reparse, apply }: { readonly reparse: Reparse; readonly apply: () => void }) {
  const { changed, repairable, items, next } = reparse;
  const more = next === null ? '' : ' There are older ones that were not looked at.';
  return (
    <Note tone={changed === 0 ? 'good' : 'warn'}>
      <p role="status">
        Parser {reparse.parser} says otherwise of {figure(changed)} of {counted(reparse.looked, 'message')};{' '}
        {figure(repairable)} can be repaired.{more}
      </p>
      {items.length > 0 && (
        <Table
          caption="What would be otherwise, the newest first"
          rows={items.slice(0, rowsShown)}
          keyOf={({ id }) => id}
          columns={columns}
        />
      )}
      {repairable > 0 && may('reparse') && <Button onClick={apply}>Put it in force</Button>}
    </Note>
  );
}

const whys: Readonly<Record<string, string>> = {
  'not-archived': 'nothing of it is in the archive',
  outcome: 'it would have ended otherwise',
  message: 'it would be another message',
  parser: 'no newer parser says so, but the settings',
  hold: 'it would come off a hold',
  changed: 'it changed meanwhile',
};

const columns: readonly Column<Item>[] = [
  {
    head: 'Intake',
    cell: ({ id }) => (
      <a class="mono" href={`/intake/${encodeURIComponent(id)}`}>
        {id}
      </a>
    ),
  },
  {
    head: 'Would be',
    cell: ({ changes }) =>
      changes.map(({ field, from, to }) => (
        <span key={field} class="under">
          {field}: <Foreign text={textOf(from)} most={200} /> → <Foreign text={textOf(to)} most={200} />
        </span>
      )),
  },
  { head: 'Repair', cell: ({ repair, why }) => (why === null ? repair : `no: ${whys[why] ?? why}`) },
];

/** Of a list what only one of the two has; nothing where it is not shown to this role. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return '—';
  if (Array.isArray(value)) return value.map(textOf).join(', ') || '—';
  if (typeof value !== 'object') return String(value);
  const { type, address } = value as { type?: string; address?: string };
  return address === undefined ? JSON.stringify(value) : `${type} ${address}`;
}
