import type { ComponentChildren } from 'preact';

/** What is known of one thing, by its names. */
export function Facts({ rows }: { readonly rows: readonly (readonly [name: string, value: ComponentChildren])[] }) {
  return (
    <dl class="known">
      {rows
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** A hash or an id: long, of one piece, and for copying. */
export function Code({ text }: { readonly text: string }) {
  return <code class="long">{text}</code>;
}
