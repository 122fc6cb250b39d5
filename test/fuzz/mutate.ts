const maxBytes = 8_192;

/** Makes inputs of those in `corpus`, which may grow: pieces cut out, doubled, joined with others, words and bytes put in. */
export function mutator(
  corpus: readonly Buffer[],
  words: readonly string[],
  random: (bound: number) => number,
): () => Buffer {
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
  const parts = [...words, '\r\n', '\n', '\r', '\0', ' ', '"', '\\', '__proto__'].map((word) => Buffer.from(word));
  /** Anywhere, or at the end or beginning of a line: that is where mail changes its meaning. */
  const place = (bytes: Buffer): number => {
    const at = random(bytes.length + 1);
    const kind = random(3);
    const lineEnd = kind === 0 ? -1 : bytes.indexOf(10, at);
    if (lineEnd === -1) return at;
    return kind === 1 ? lineEnd + 1 : Math.max(0, lineEnd - 1);
  };
  const flipped = (byte: number): Buffer => Buffer.from([byte ^ (1 << random(8))]);
  const edit = (bytes: Buffer): Buffer => {
    const at = place(bytes);
    const before = bytes.subarray(0, at);
    const after = bytes.subarray(at);
    const other = pick(corpus);
    switch (random(9)) {
      case 0:
        return Buffer.concat([before, pick(parts), after]);
      case 1:
        return Buffer.concat([before, after.subarray(random(40))]);
      case 2:
        return Buffer.concat([before, before.subarray(random(at + 1)), after]);
      case 3:
        return Buffer.concat([before, other.subarray(random(other.length + 1))]);
      case 4:
        return Buffer.concat([before, Buffer.from([random(256)]), after.subarray(1)]);
      case 5:
        return Buffer.concat([before, flipped(after[0] ?? 0), after.subarray(1)]);
      case 6: {
        const part = pick(parts);
        return Buffer.concat([before, ...Array.from({ length: 1 + random(200) }, () => part), after]);
      }
      case 7:
        return bytes.subarray(0, at);
      default:
        return Buffer.concat([before, pick(parts), pick(parts), after.subarray(random(12))]);
    }
  };
  return () => {
    let bytes = pick(corpus);
    for (let edits = random(5); edits >= 0; edits -= 1) bytes = edit(bytes).subarray(0, maxBytes);
    return bytes;
  };
}
