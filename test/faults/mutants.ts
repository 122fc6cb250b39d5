/** One change of a source, as somebody might make it by mistake. */
export interface Mutant {
  readonly file: string;
  /** From 1 on. */
  readonly line: number;
  readonly before: string;
  readonly after: string;
}

/** What may be mistaken for what. Each match of a pattern in a line is a mutant of its own. */
const slips: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/ === /g, ' !== '],
  [/ !== /g, ' === '],
  [/ < /g, ' <= '],
  [/ <= /g, ' < '],
  [/ > /g, ' >= '],
  [/ >= /g, ' > '],
  [/ && /g, ' || '],
  [/ \|\| /g, ' && '],
  [/ \+ /g, ' - '],
  [/ - /g, ' + '],
  [/ \+= /g, ' -= '],
  [/ -= /g, ' += '],
  [/\btrue\b/g, 'false'],
  [/\bfalse\b/g, 'true'],
  [/(?<=\bif )\((?=.*\) \S.*;$|.*\) \{$)/g, '(false && '],
  [/(?<=\bif )\((?=.*\) \S.*;$|.*\) \{$)/g, '(true || '],
];
/** A whole statement that is forgotten: a call, an assignment, what is thrown. */
const statement = /^\s+(?:await |throw |void )?(?:this\.)?#?[\w.#?!]+(?:\(.*\)| \??\??[-+]?= .*)?;$/;
/** Lines that nothing is done in. */
const idle = /^\s*(?:\/\/|\/?\*|import |export (?:interface|type) |readonly |type |interface |\}|$)/;

/** Every mutant of a source in this house's style: one statement a line, one blank round an operator. */
export function mutantsOf(file: string, source: string): readonly Mutant[] {
  let inTypes = false;
  return source.split('\n').flatMap((before, at) => {
    // What stands between the braces of an interface is no code.
    if (/^(?:export )?(?:interface|type) .*\{$/.test(before)) inTypes = true;
    if (before === '}' || before === '};') inTypes = false;
    if (inTypes || idle.test(before)) return [];
    const slipped = slips.flatMap(([pattern, text]) =>
      [...before.matchAll(pattern)].map(
        ({ index, 0: found }) => before.slice(0, index) + text + before.slice(index + found.length),
      ),
    );
    const awaited = /^\s+(?:return )?await /.test(before) ? [before.replace('await ', '')] : [];
    const forgotten = statement.test(before) && !/^\s+(?:return|const|let|declare)\b/.test(before) ? [''] : [];
    return [...slipped, ...awaited, ...forgotten].map((after) => ({ file, line: at + 1, before, after }));
  });
}

/** The source with the mutant in it. */
export function mutated(source: string, { line, after }: Mutant): string {
  return source
    .split('\n')
    .with(line - 1, after)
    .join('\n');
}
