import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { withQuery } from '../api.ts';
import { go, query } from '../router.ts';
import { statuses } from '../stream.ts';
import { plain } from './foreign.tsx';

/** One field of a search; its name is that of the query parameter. */
export interface Filter {
  readonly name: string;
  readonly label: string;
  readonly type?: 'text' | 'date' | 'search';
  readonly hint?: string;
  /** To choose from instead of typing; the first is what is meant by nothing. */
  readonly choices?: readonly (readonly [value: string, word: string])[];
}

/** Chooses one of the definitions there are. */
export function definitionFilter(): Filter {
  const definitions = (statuses.value ?? []).map(({ id, description }) => [id, plain(description)] as const);
  return { name: 'definition', label: 'Definition', choices: [['', 'all'], ...definitions] };
}

/** Fields whose values stand in the address, so that a search can be kept, sent and gone back to. */
export function Filters({
  path,
  filters,
  label,
}: {
  readonly path: string;
  readonly filters: readonly Filter[];
  readonly label: string;
}) {
  const asked = query.value;
  const send = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields = new FormData(form);
    const kept = [...asked].filter(([name]) => !filters.some((filter) => filter.name === name));
    const typed = filters.map(({ name }) => [name, String(fields.get(name) ?? '').trim()] as const);
    go(withQuery(path, Object.fromEntries([...kept, ...typed])));
  };
  const key = asked.toString();
  const form = useRef<HTMLFormElement>(null);
  // Not made anew: who has searched by a key goes on from the same field.
  useLayoutEffect(() => {
    for (const { name } of filters) {
      const field = form.current?.elements.namedItem(name);
      if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = asked.get(name) ?? '';
    }
  }, [key]);
  return (
    <search aria-label={label}>
      <form class="filters" onSubmit={send} ref={form}>
        {filters.map((filter, at) => (
          <Field key={filter.name} filter={filter} value={asked.get(filter.name) ?? ''} first={at === 0} />
        ))}
        <div class="filter-actions">
          <button type="submit" class="primary">
            Search
          </button>
          {key !== '' && <a href={path}>Clear</a>}
        </div>
      </form>
    </search>
  );
}

function Field({ filter, value, first }: { readonly filter: Filter; readonly value: string; readonly first: boolean }) {
  const id = useId();
  const { name, label, type = 'text', hint, choices } = filter;
  return (
    <div class="filter">
      <label for={id}>{label}</label>
      {choices === undefined ? (
        <input
          id={id}
          name={name}
          {...({ type } as { readonly type: 'text' })}
          defaultValue={value}
          {...(hint === undefined ? {} : { placeholder: hint })}
          {...(first ? { 'data-search': true } : {})}
        />
      ) : (
        <select id={id} name={name}>
          {choices.map(([choice, word]) => (
            <option key={choice} value={choice} selected={choice === value}>
              {word}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}
