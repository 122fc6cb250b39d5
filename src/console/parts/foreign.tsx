/**
 * What is invisible, or turns the direction of what follows: a sender could make a name read as another one with it. Line
 * ends and tabs are for texts to keep.
 */
const hidden = /((?!\t)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}])/u;
const breaks = /[\t\n\r]+/g;

/** Text that a stranger wrote: never markup, apart from its surroundings in direction, and nothing in it unseen. */
export function Foreign({ text, most }: { readonly text: string; readonly most?: number }) {
  const line = text.replace(breaks, ' ');
  const cut = most !== undefined && line.length > most;
  return (
    <bdi class="foreign" title={cut ? plain(line.slice(0, 2_000)) : undefined}>
      <Seen text={cut ? `${line.slice(0, most)}…` : line} />
    </bdi>
  );
}

/** What the engine says, which may quote a stranger: what stands in back-quotes is a command, and set as one. */
export function Advice({ text }: { readonly text: string }) {
  // Every second piece stood between two back-quotes.
  const pieces = text.replace(breaks, ' ').split('`');
  return (
    <bdi class="foreign">
      {pieces.map((piece, at) =>
        at % 2 === 1 ? (
          <code key={at}>
            <Seen text={piece} />
          </code>
        ) : (
          <Seen key={at} text={piece} />
        ),
      )}
    </bdi>
  );
}

/** The same over many lines. */
export function ForeignText({ text }: { readonly text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keys.
    <section class="foreign-text" aria-label="Text of the message" tabIndex={0}>
      {text.split(/\r?\n/).map((line, at) => (
        <p key={at} dir="auto">
          <Seen text={line} />
        </p>
      ))}
    </section>
  );
}

function Seen({ text }: { readonly text: string }) {
  // Every second piece is one that is not seen.
  const pieces = text.split(hidden);
  if (pieces.length === 1) return <>{text}</>;
  return (
    <>
      {pieces.map((piece, at) =>
        at % 2 === 1 ? (
          <span key={at} class="control">
            {codeOf(piece)}
          </span>
        ) : (
          piece
        ),
      )}
    </>
  );
}

const codeOf = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
/** The same where only a string fits: a title, the choices of a list. */
export const plain = (text: string): string =>
  text
    .split(hidden)
    .map((piece, at) => (at % 2 === 1 ? `[${codeOf(piece)}]` : piece))
    .join('');
