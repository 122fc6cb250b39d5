import { z } from 'zod';
import { definitionSchema } from './definition.schema.ts';
import { engineSchema } from './engine.schema.ts';
import { branchesOf, declaredBy, keysOf } from './schema-walk.ts';

/** One option of the reference table. */
export interface OptionRow {
  /** As `smtp.maxConnections`, `definitions[].smtp.password`. */
  readonly key: string;
  readonly type: string;
  /** As YAML writes it; `required` or `none` where there is no default. */
  readonly preset: string;
  readonly meaning: string;
}

/** The JSON Schema (2020-12) of the configuration file as it is written: what `daybook schema` prints. */
export function jsonSchema(): Record<string, unknown> {
  return {
    ...written(engineSchema, ['label', 'expected']),
    title: 'Daybook configuration',
    description: 'Durations are 250ms, 30s, 10m, 2h, 30d; sizes 64KB, 150MB (1024-based).',
  };
}

/** The JSON Schema of a definition's document alone, each option with what is `expected` of it in words. */
export function definitionJsonSchema(): Record<string, unknown> {
  return { ...written(definitionSchema, ['label']), title: 'Journal service definition' };
}

function written(schema: z.ZodType, without: readonly string[]): Record<string, unknown> {
  return z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema: target }) => {
      for (const name of without) delete target[name];
    },
  });
}

/** Every option of the configuration file in its order; definitions with the options of both transports. */
export function optionRows(): readonly OptionRow[] {
  return rowsOf(engineSchema, '');
}

/** The reference tables of the README, printed from the schema: the file, then a definition. */
export function optionTable(): string {
  const rows = optionRows();
  const isDefinition = (row: OptionRow): boolean => row.key.startsWith('definitions[].');
  const definitions = rows.filter(isDefinition).map((row) => ({ ...row, key: row.key.slice('definitions[].'.length) }));
  const file = table(rows.filter((row) => !isDefinition(row)));
  return `### The configuration file\n\n${file}\n\n### A journal service definition\n\n${table(definitions)}\n`;
}

function rowsOf(schema: z.core.$ZodType, prefix: string): readonly OptionRow[] {
  const seen = new Map<string, OptionRow>();
  for (const branch of branchesOf(schema) ?? [schema]) {
    for (const [name, child] of Object.entries(keysOf(branch) ?? {})) {
      for (const row of rowsOfOption(child, prefix === '' ? name : `${prefix}.${name}`)) {
        const known = seen.get(row.key);
        seen.set(row.key, known === undefined || known.meaning === row.meaning ? row : either(known, row));
      }
    }
  }
  return [...seen.values()];
}

/** An option and those below it. A map that always stands says nothing itself: only its options are listed. */
function rowsOfOption(schema: z.core.$ZodType, key: string): readonly OptionRow[] {
  const declared = declaredBy(schema);
  const { inner, title, description = '' } = declared;
  const below = inner instanceof z.ZodArray ? rowsOf(inner.element, `${key}[]`) : rowsOf(schema, key);
  if (below.length > 0 && !(inner instanceof z.ZodArray) && declared.preset !== undefined) return below;
  const preset =
    declared.preset === undefined
      ? declared.required
        ? 'required'
        : 'none'
      : `\`${JSON.stringify(declared.preset).replaceAll('"', '')}\``;
  return [
    {
      key,
      type: declared.label ?? 'map',
      preset,
      meaning: title === undefined ? description : `*${title}*. ${description}`,
    },
    ...below,
  ];
}

/** One key that the transports declare apart: their names are its type. */
function either(one: OptionRow, other: OptionRow): OptionRow {
  return {
    ...one,
    type: `${one.type} \\| ${other.type}`,
    meaning: `${one.type}: ${one.meaning} ${other.type}: ${other.meaning}`,
  };
}

function table(rows: readonly OptionRow[]): string {
  const lines = rows.map((row) => `| \`${row.key}\` | ${row.type} | ${row.preset} | ${row.meaning} |`);
  return ['| key | type | default | meaning |', '| --- | --- | --- | --- |', ...lines].join('\n');
}
