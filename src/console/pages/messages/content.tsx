import { useSignal } from '@preact/signals';
import { pathOf, read, withQuery } from '../../api.ts';
import { useLoad } from '../../load.ts';
import { Foreign, ForeignText } from '../../parts/foreign.tsx';
import { Empty, Note, WhenLoaded } from '../../parts/states.tsx';
import { Table } from '../../parts/table.tsx';
import { Bytes } from '../../parts/time.tsx';
import type { Entry, ShownContent } from '../../wire.types.ts';

/** Text, attachments and headers of one version of a message. HTML comes as its text, and nothing is fetched for it. */
export function Content({ id, representations }: { readonly id: string } & Pick<Entry, 'representations'>) {
  const version = useSignal<number | undefined>(undefined);
  const { loaded, again } = useLoad((aborted) => {
    const path = `${pathOf('messages', id)}/content`;
    return read<ShownContent>(withQuery(path, { representation: version.value }), aborted);
  });
  return (
    <>
      {representations.length > 1 && (
        <label>
          Version{' '}
          <select
            onChange={(event) => {
              const { value } = event.currentTarget;
              version.value = value === '' ? undefined : Number(value);
            }}
          >
            <option value="">the primary one</option>
            {representations.map(({ sha256, clearText, protected: isProtected }, at) => (
              <option key={sha256} value={at}>
                {at + 1}
                {clearText ? ', clear text' : ''}
                {isProtected ? ', rights-protected' : ''}
              </option>
            ))}
          </select>
        </label>
      )}
      <WhenLoaded loaded={loaded.value} again={again}>
        {(content) => <Shown content={content} />}
      </WhenLoaded>
    </>
  );
}

function Shown({ content: { headers, text, attachments, truncated, unreadable } }: { readonly content: ShownContent }) {
  if (unreadable) {
    return (
      <Note tone="warn">
        This message cannot be taken apart within the limits of its reader. Its bytes are whole: download it.
      </Note>
    );
  }
  return (
    <>
      {text.trim() === '' ? <Empty>It has no text.</Empty> : <ForeignText text={text} />}
      {truncated && <p class="soft">There is more than is shown; the download has all of it.</p>}
      {attachments.length > 0 && (
        <Table
          caption={`Attachments (${attachments.length})`}
          shown
          rows={attachments.map((attachment, at) => ({ ...attachment, at }))}
          keyOf={({ at }) => String(at)}
          columns={[
            { head: 'Name', cell: ({ name }) => (name === null ? '(no name)' : <Foreign text={name} most={120} />) },
            { head: 'Type', cell: ({ type }) => <Foreign text={type} most={80} /> },
            { head: 'Size', cell: ({ size }) => <Bytes count={size} />, number: true },
          ]}
        />
      )}
      <details>
        <summary>Headers ({headers.length})</summary>
        <dl class="known headers">
          {headers.map(({ name, value }, at) => (
            <div key={at}>
              <dt>
                <Foreign text={name} most={60} />
              </dt>
              <dd>
                <Foreign text={value} />
              </dd>
            </div>
          ))}
        </dl>
      </details>
    </>
  );
}
