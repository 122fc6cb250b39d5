import { useEffect } from 'preact/hooks';
import { call, read } from '../api.ts';
import { useDoing } from '../doing.ts';
import { useLoad } from '../load.ts';
import { Button } from '../parts/button.tsx';
import { Facts } from '../parts/facts.tsx';
import { Foreign } from '../parts/foreign.tsx';
import { FaultNote, Note, WhenLoaded } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Instant, Time } from '../parts/time.tsx';
import type { Verification } from '../wire.types.ts';
import { bytes, counted, figure } from '../words.ts';

/** How often one that runs is looked at. */
const everyMs = 1_000;

/** Every stored byte against the ledger: started here, and seen running. */
export function VerificationPart() {
  const { loaded, again } = useLoad((aborted) => read<Verification>('/v1/verify', aborted));
  const known = loaded.value.value;
  const running = known?.state === 'running';
  const { busy, fault, run } = useDoing();
  const start = (): void =>
    run(async () => {
      await call('/v1/verify', { method: 'POST' });
      again();
    });
  useEffect(() => {
    if (!running) return undefined;
    const timer = setInterval(again, everyMs);
    return () => clearInterval(timer);
  }, [running]);
  return (
    <section>
      <h2>Verification</h2>
      <p class="soft">Reads every stored byte and compares it with the ledger. Mail goes on meanwhile.</p>
      <Button off={running || busy.value} onClick={start}>
        {running ? 'Verifying …' : 'Verify all now'}
      </Button>
      {fault.value !== null && <FaultNote fault={fault.value} />}
      <WhenLoaded loaded={loaded.value} again={again}>
        {(verification) => <Found verification={verification} />}
      </WhenLoaded>
    </section>
  );
}

function Found({
  verification: { state, startedAt, endedAt, bytes: read, report, error },
}: {
  readonly verification: Verification;
}) {
  if (state === 'never') return <p>None since the engine was started.</p>;
  const faults = report?.faults ?? [];
  return (
    <div role="status">
      {state === 'failed' && (
        <Note tone="warn">
          It could not be finished: <Foreign text={error ?? ''} />
        </Note>
      )}
      {state === 'done' && faults.length === 0 && (
        <Note tone="good">
          <p>Everything is as it was written.</p>
        </Note>
      )}
      {faults.length > 0 && (
        <div class="note bad" role="alert">
          <p>
            <strong>{counted(faults.length, 'fault')}</strong> found. <code>daybook repair --plan</code> says what can
            be done.
          </p>
        </div>
      )}
      <Facts
        rows={[
          ['Started', startedAt === null ? null : <Instant at={startedAt} />],
          ['Ended', endedAt === null ? null : <Time at={endedAt} />],
          ['Read', bytes(read)],
          ['Records', report === null ? null : figure(report.records)],
          [
            'Signed heads',
            report === null ? null : `${figure(report.heads)}, ${figure(report.anchored)} of them anchored`,
          ],
          ['Deleted by policy', report === null ? null : figure(report.deleted)],
        ]}
      />
      {faults.length > 0 && (
        <Table
          caption="Faults"
          rows={faults.slice(0, 200).map((fault, at) => ({ ...fault, at }))}
          keyOf={({ at }) => String(at)}
          columns={[
            { head: 'File', cell: ({ file }) => <code>{file}</code> },
            { head: 'What is wrong', cell: ({ text }) => <Foreign text={text} /> },
          ]}
        />
      )}
    </div>
  );
}
