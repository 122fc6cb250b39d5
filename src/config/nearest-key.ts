/** The known key that takes the fewest slips of a key to write; the first of equals. Case does not count. */
export function nearestKey(written: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const key of known) {
    const slips = editDistance(written.toLowerCase().slice(0, maxCompared), key.toLowerCase());
    if (slips < least) [nearest, least] = [key, slips];
  }
  return nearest;
}

/** No known key is near this long; keeps the table of a hostile key small. */
const maxCompared = 100;

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(from: string, to: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1] ? 0 : 1;
      let slips = Math.min(
        cell(previous, column) + 1,
        cell(current, column - 1) + 1,
        cell(previous, column - 1) + same,
      );
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) slips = Math.min(slips, cell(older, column - 2) + 1);
      current.push(slips);
    }
    [older, previous] = [previous, current];
  }
  return cell(previous, to.length);
}

function cell(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
