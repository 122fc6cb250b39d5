import { useSignal } from '@preact/signals';
import { pathOf, read } from '../../api.ts';
import { asFault, type Loaded } from '../../load.ts';
import { Code, Facts } from '../../parts/facts.tsx';
import { WhenLoaded } from '../../parts/states.tsx';
import { Bytes, Instant } from '../../parts/time.tsx';
import type { Entry, ProofAnswer } from '../../wire.types.ts';
import { figure } from '../../words.ts';

/** The hashes of a message, and for each copy received a proof that it is in the ledger. */
export function Proof({ entry: { representations, observations } }: { readonly entry: Entry }) {
  return (
    <>
      <Versions representations={representations} />
      <p>
        Each copy stands in an append-only log whose head is signed. A proof is a file: with the bytes as received it
        can be checked without Daybook, by <code>check-proof.mjs</code> or a page of one's own code.
      </p>
      {observations.slice(0, 20).map(({ intakeId }) => (
        <OfCopy key={intakeId} intakeId={intakeId} />
      ))}
    </>
  );
}

/** Asked for by hand: to make a proof is told of in the event log. */
function OfCopy({ intakeId }: { readonly intakeId: string }) {
  const proof = useSignal<Loaded<ProofAnswer> | null>(null);
  const path = pathOf('intake', intakeId);
  const make = (): void => {
    proof.value = { state: 'loading' };
    read<ProofAnswer>(`${path}/proof`).then(
      (value) => {
        proof.value = { state: 'done', value };
      },
      (error: unknown) => {
        proof.value = { state: 'failed', fault: asFault(error) };
      },
    );
  };
  return (
    <div class="copy">
      <p class="actions-row">
        <Code text={intakeId} />
        <button type="button" onClick={make}>
          Make the proof
        </button>
        <a class="button" href={`${path}/raw`} download>
          Bytes as received
        </a>
      </p>
      {proof.value !== null && (
        <WhenLoaded loaded={proof.value} again={make}>
          {(made) => <Told proof={made} path={path} />}
        </WhenLoaded>
      )}
    </div>
  );
}

function Told({
  proof: { record, received, inclusion, head },
  path,
}: {
  readonly proof: ProofAnswer;
  readonly path: string;
}) {
  return (
    <>
      <Facts
        rows={[
          ['It says', `record ${figure(record.seq)} of ${figure(head.size)} under the head of that time`],
          [
            'Bytes as received',
            <>
              <Code text={received.sha256} /> ({figure(received.size)} bytes)
            </>,
          ],
          ['Record', <Code key="" text={record.hash} />],
          ['Path', `${inclusion.path.length} hashes from the record to the root`],
          ['Root', <Code key="" text={head.root} />],
          [
            'Signed',
            <>
              <Instant at={new Date(head.at).toISOString()} />, key <Code text={head.key} />
            </>,
          ],
        ]}
      />
      <a class="button" href={`${path}/proof`} download={`proof-of-record-${record.seq}.json`}>
        Download the proof
      </a>
    </>
  );
}

/** The byte versions that are stored. */
function Versions({ representations }: Pick<Entry, 'representations'>) {
  return (
    <Facts
      rows={representations.map(({ sha256, size, clearText, protected: isProtected }, at) => [
        `Version ${at + 1}`,
        <>
          <Bytes count={size} />
          {clearText ? ', clear text of a protected message' : ''}
          {isProtected ? ', rights-protected' : ''}, SHA-256 <Code text={sha256} />
        </>,
      ])}
    />
  );
}
