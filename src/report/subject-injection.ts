/**
 * A subject that decodes to several lines may have broken the report's Subject line and so planted lines of its own
 * (journaling b.3.10). Takes them out, each once and those below the Subject first, so that a crafted subject can
 * neither add a recipient nor take a true one away. `subjects` are those of the originals, decoded.
 */
export function dropInjectedLines(lines: readonly string[], subjects: readonly string[]): readonly string[] {
  const broken = [...new Set(subjects)].filter((subject) => /[\r\n]/.test(subject));
  if (broken.length === 0) return lines;
  const subjectAt = lines.findIndex((line) => /^subject\s*:/i.test(line));
  const shown = collapse((lines[subjectAt] ?? '').replace(/^subject\s*:/i, ''));
  const planted = new Map<string, number>();
  for (const subject of broken) {
    // The report shows the whole subject on one line: it planted nothing.
    if (shown === collapse(subject) || shown === collapse(subject.replace(/[\r\n]+/g, ''))) continue;
    for (const fragment of subject.split(/[\r\n]+/).slice(1)) {
      const text = fragment.trim();
      if (text !== '') planted.set(text, (planted.get(text) ?? 0) + 1);
    }
  }
  return withoutPlanted(lines, planted, subjectAt + 1);
}

function withoutPlanted(lines: readonly string[], planted: Map<string, number>, below: number): readonly string[] {
  if (planted.size === 0) return lines;
  const dropped = new Set<number>();
  const order = [...lines.keys()];
  for (const at of [...order.slice(below), ...order.slice(0, below)]) {
    const text = (lines[at] ?? '').trim();
    const left = planted.get(text) ?? 0;
    if (left === 0) continue;
    planted.set(text, left - 1);
    dropped.add(at);
  }
  return dropped.size === 0 ? lines : lines.filter((_, at) => !dropped.has(at));
}

function collapse(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
