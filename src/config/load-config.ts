import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { SchedulerLike } from 'rxjs';
import { checkDocument, describeIssues } from './check-document.ts';
import { checkFiles } from './check-files.ts';
import { type EngineConfig, engineSchema } from './engine.schema.ts';
import { engineRules } from './engine-rules.ts';
import { configWarnings } from './engine-warnings.ts';
import { type DocumentFault, type Fault, pathText } from './fault.ts';
import { resolveReferences } from './references.ts';
import { knownPart } from './schema-walk.ts';
import { withTypedReferences } from './typed-references.ts';
import { whyUnreadable } from './unreadable.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

export type LoadedConfig =
  | { readonly ok: true; readonly config: EngineConfig; readonly warnings: readonly Fault[] }
  /** In the order of the file. */
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** Far above any configuration of 10,000 definitions; the parser's memory is many times the text. */
const maxConfigBytes = 16 * 1024 * 1024;

/**
 * Reads and checks a configuration file, the files and certificates it names included, and finds all its faults at
 * once (interface section 1, `daybook check`). Touches nothing. With a clock, certificates are checked for their
 * time too. No fault holds a secret, nor anything that came from a reference.
 */
export async function loadConfig(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
  clock?: Pick<SchedulerLike, 'now'>,
): Promise<LoadedConfig> {
  const text = await readText(file);
  if (!text.ok) return { ok: false, faults: [{ file, line: 1, column: 1, path: '(document)', text: text.fault }] };
  const source = readYaml(text.value);
  const baseDir = dirname(resolve(file));
  const resolved = await resolveReferences(source.document ?? {}, { env, baseDir });
  const typed = withTypedReferences(engineSchema, resolved);
  const checked = checkDocument(engineSchema, typed);
  const files = await checkFiles(typed, baseDir, clock);
  const schemaFaults = describeIssues(engineSchema, typed, checked.issues).map((fault) =>
    discreet(fault, resolved.referenced),
  );
  const ruleFaults = source.broken ? [] : engineRules(typed);
  const found = [...schemaFaults, ...ruleFaults, ...files.faults].filter(
    (fault) => !resolved.failed.has(pathText(fault.path)),
  );
  const faults = [
    ...source.faults.map(({ line, column, path, text: wrong }) => {
      return { file, line, column, path: pathText(knownPart(engineSchema, path, typed)), text: wrong };
    }),
    ...trusted(source, found)
      .concat(resolved.faults)
      .map((fault) => placed(file, source, fault)),
  ];
  if (!checked.ok || faults.length > 0) return { ok: false, faults: inOrder(faults) };
  const warnings = [...configWarnings(checked.value), ...files.warnings].map((fault) => placed(file, source, fault));
  return { ok: true, config: checked.value, warnings: inOrder(warnings) };
}

/**
 * What stands where the text itself is at fault is not spoken of again. Behind a syntax fault the text may be read
 * wrongly, so only what stands before the first one is.
 */
function trusted(source: YamlSource, faults: readonly DocumentFault[]): readonly DocumentFault[] {
  const spoken = new Set(source.faults.map(({ line, column }) => `${line}:${column}`));
  const others = faults.filter((fault) => {
    const { line, column } = source.position(fault);
    return !spoken.has(`${line}:${column}`);
  });
  if (!source.broken) return others;
  const first = source.faults.reduce((least, each) => (before(each, least) ? each : least));
  return others.filter((fault) => fault.at !== 'missing' && before(source.position(fault), first));
}

/** Some texts suggest a corrected value; one that came from a reference is not repeated. */
function discreet(fault: DocumentFault, referenced: ReadonlySet<string>): DocumentFault {
  if (!referenced.has(pathText(fault.path))) return fault;
  return { ...fault, text: fault.text.replace(/ \(did you mean [^)]*\)/, '') };
}

function placed(file: string, source: YamlSource, fault: DocumentFault): Fault {
  const { line, column } = source.position(fault);
  return { file, line, column, path: pathText(fault.path), text: fault.text };
}

/** By place, each said once. */
function inOrder(faults: readonly Fault[]): readonly Fault[] {
  const once = new Map(faults.map((fault) => [`${fault.line} ${fault.column} ${fault.path} ${fault.text}`, fault]));
  return [...once.values()].toSorted((a, b) => a.line - b.line || a.column - b.column);
}

function before(a: { line: number; column: number }, b: { line: number; column: number }): boolean {
  return a.line < b.line || (a.line === b.line && a.column < b.column);
}

type Text = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly fault: string };
async function readText(file: string): Promise<Text> {
  const expected = 'expected a readable YAML file of at most 16 MB';
  try {
    const { size } = await stat(file);
    if (size > maxConfigBytes) return { ok: false, fault: `the file is too large; ${expected}` };
    return { ok: true, value: new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file)) };
  } catch (cause) {
    return { ok: false, fault: `the file ${whyUnreadable(cause)}; ${expected}` };
  }
}
