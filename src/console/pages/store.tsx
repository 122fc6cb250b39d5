import { read } from '../api.ts';
import { useLoad } from '../load.ts';
import { Code, Facts } from '../parts/facts.tsx';
import { PageFrame } from '../parts/page-frame.tsx';
import { Empty, Note, WhenLoaded } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Bytes, Instant, Time } from '../parts/time.tsx';
import { may } from '../session.ts';
import { engine } from '../stream.ts';
import type { EngineStatus, StoreFigures } from '../wire.types.ts';
import { bytes, counted, figure } from '../words.ts';
import { ClusterPart } from './cluster.tsx';
import { VerificationPart } from './verification.tsx';

/** The engine looks anew every half minute. */
const everyMs = 30_000;
/** From here on somebody should see to the disk. */
const fewDays = 30;

/** How large the archive is, how long there is room, and what watches over it. */
export function StorePage() {
  const { loaded, again } = useLoad((aborted) => read<StoreFigures>('/v1/store', aborted), everyMs);
  return (
    <PageFrame title="Store">
      <WhenLoaded loaded={loaded.value} again={again}>
        {(figures) => (
          <>
            <Room figures={figures} />
            <h2>Heads</h2>
            <Head figures={figures} />
          </>
        )}
      </WhenLoaded>
      {engine.value?.cluster !== undefined && <ClusterPart engine={engine.value} cluster={engine.value.cluster} />}
      {engine.value !== null && <Watch engine={engine.value} />}
      {may('verify') && <VerificationPart />}
    </PageFrame>
  );
}

function Room({
  figures: { bytes: sizes, records, segments, encrypted, disk, growth },
}: {
  readonly figures: StoreFigures;
}) {
  const used = disk.totalBytes - disk.freeBytes;
  return (
    <>
      {growth?.daysLeft != null && growth.daysLeft < fewDays && (
        <Note tone="warn">
          <p>
            The disk has room for <strong>{days(growth.daysLeft)}</strong>. Under {bytes(disk.minimumFreeBytes)} free no
            mail is taken.
          </p>
        </Note>
      )}
      <Facts
        rows={[
          ['Archive', <Bytes key="" count={sizes.log + sizes.index} />],
          [
            'Commit log',
            <>
              <Bytes count={sizes.log} />, {figure(records)} records
              {segments === null ? '' : ` in ${counted(segments, 'segment')}`}
            </>,
          ],
          ['Index', <Bytes key="" count={sizes.index} />],
          ['Text index', <Bytes key="" count={sizes.textIndex} />],
          ['Detailed logs', <Bytes key="" count={sizes.detailedLogs} />],
          ['Encrypted', encrypted ? 'yes' : 'no'],
          [
            'Growth',
            growth === null
              ? 'not known in the first hour'
              : `${bytes(growth.bytesPerDay)} a day, by the last ${days(growth.days)}`,
          ],
          [
            'Room left',
            growth === null
              ? null
              : growth.daysLeft === null
                ? 'no end in sight: nothing comes'
                : days(growth.daysLeft),
          ],
          ['Disk', `${bytes(disk.freeBytes)} free of ${bytes(disk.totalBytes)}`],
        ]}
      />
      <meter
        min={0}
        max={disk.totalBytes}
        high={disk.totalBytes - disk.minimumFreeBytes * 2}
        value={used}
        aria-label="Disk in use"
      >
        {bytes(used)}
      </meter>
    </>
  );
}

/** As many as a person would say. */
function days(count: number): string {
  if (count > 3_650) return 'more than ten years';
  const shown = count < 10 ? count.toFixed(1) : figure(Math.floor(count));
  return `${shown} days`;
}

function Head({ figures: { lastHead } }: { readonly figures: StoreFigures }) {
  if (lastHead === null) return <Empty>None has been signed yet.</Empty>;
  const { size, root, at, key, log } = lastHead;
  const signed = new Date(at).toISOString();
  return (
    <Facts
      rows={[
        ['Covers', `${figure(size)} records`],
        [
          'Signed',
          <>
            <Time at={signed} /> (<Instant at={signed} />)
          </>,
        ],
        ['Root', <Code key="" text={root} />],
        ['Log', <Code key="" text={log} />],
        ['Key', <Code key="" text={key} />],
      ]}
    />
  );
}

function Watch({ engine: { anchors, scrub } }: { readonly engine: EngineStatus['engine'] }) {
  const { startedAt, bytes: read, totalBytes, lastCompletedAt } = scrub;
  return (
    <>
      <h2>Anchors</h2>
      {anchors.length === 0 ? (
        <Empty>
          No anchor is configured: that the whole folder was put back to an older state could not be told from outside.
        </Empty>
      ) : (
        <Table
          caption="Where heads are kept"
          rows={anchors}
          keyOf={({ name }) => name}
          columns={[
            { head: 'Anchor', cell: ({ name }) => name },
            { head: 'Kind', cell: ({ kind }) => kind },
            { head: 'Last head', cell: ({ lastAt }) => (lastAt === null ? 'none yet' : <Time at={lastAt} />) },
            {
              head: 'Failing since',
              cell: ({ failingSince }) => (failingSince === null ? '' : <Instant at={failingSince} />),
            },
          ]}
        />
      )}
      <h2>Scrub</h2>
      <Facts
        rows={[
          ['All read again', lastCompletedAt === null ? 'not once yet' : <Time at={lastCompletedAt} />],
          [
            'Under way',
            startedAt === null ? null : (
              <>
                {bytes(read)} of {bytes(totalBytes)}, since <Time at={startedAt} />
              </>
            ),
          ],
        ]}
      />
    </>
  );
}
