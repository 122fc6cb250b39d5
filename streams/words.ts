/** Words of a subject that are looked at: no subject has more by honest means. */
const mostOfSubject = 64;
/** Characters of a word that count. */
const longest = 64;

/**
 * Words of a text as searches know them: letters and digits, case folded, each once, at most `most` words of 64 characters.
 */
export function wordsOf(text: string, most = mostOfSubject): readonly string[] {
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  return [...new Set(words.map((word) => word.slice(0, longest)))].slice(0, most);
}
