/** Text of the schema: what stands in back-quotes is code. Never markup of any other kind. */
export function Prose({ text }: { readonly text: string }) {
  // Every second piece stood between two back-quotes.
  return <>{text.split('`').map((piece, at) => (at % 2 === 1 ? <code key={`${at}${piece}`}>{piece}</code> : piece))}</>;
}
