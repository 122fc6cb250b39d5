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
    if (known.size >= limit) known.clear();
    known.set(text, asked);
    return asked;
  };
}
