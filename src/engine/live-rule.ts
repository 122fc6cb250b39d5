/** A rule over addresses that follows its ranges: a reload puts another array in their place. */
export function liveRule(
  ranges: () => readonly string[],
  build: (ranges: readonly string[]) => (peer: string) => boolean,
): (peer: string) => boolean {
  let current = ranges();
  let rule = build(current);
  return (peer) => {
    if (current !== ranges()) {
      current = ranges();
      rule = build(current);
    }
    return rule(peer);
  };
}
