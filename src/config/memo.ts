/** The longest path of RFC 5321 section 4.5.3.1, twice; what is longer is asked anew each time. */
const longestText = 512;

/**
 * `ask`, with its answers remembered by their text: at most `limit` of them, and then all are forgotten. For questions
 * that mail asks again and again, whose answer never changes.
 */
export function remembering<T>(limit: number, ask: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const answer = known.get(text);
    if (answer !== undefined) return answer;
    const asked = ask(text);
    if (text.length > longestText) return asked;
    if (known.size >= limit) known.clear();
    known.set(copyOf(text), asked);
    return asked;
  };
}

/** A part of a text keeps the whole of it in memory: what is remembered must not hold the mail that it came from. */
const copyOf = (text: string): string => Buffer.from(text, 'utf16le').toString('utf16le');
