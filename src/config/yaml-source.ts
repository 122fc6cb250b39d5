import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml';
import type { DocumentFault, FaultPath } from './fault.ts';
import { pathText } from './fault.ts';
import { yamlFaultText } from './yaml-fault-text.ts';

/** A parsed YAML text that knows where each of its values stands. */
export interface YamlSource {
  /** Plain data; undefined for an empty text. */
  readonly document: unknown;
  /** Faults of the text itself: syntax, duplicate keys, unknown aliases. */
  readonly faults: readonly (DocumentFault & Position)[];
  /** True when a fault left part of the text unread, so that what seems missing may be there. */
  readonly broken: boolean;
  position(fault: DocumentFault): Position;
}
/** Counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Aliases followed, and values read, in one document: bounds what a small text can grow to. */
const maxAliases = 1000;
const maxValues = 2_000_000;
const maxDepth = 64;
const tooMuch = 'is nested too deep or repeated too often';

interface Places {
  readonly value: Map<string, number>;
  readonly key: Map<string, { readonly start: number; readonly path: FaultPath }>;
}
interface Reading extends Places {
  readonly yaml: Document;
  readonly report: (offset: number, path: FaultPath, text: string) => void;
  values: number;
  aliases: number;
}

/** Reads YAML 1.2 (JSON too). Never throws; texts of faults never repeat what was written. */
export function readYaml(text: string): YamlSource {
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const faults: (DocumentFault & Position)[] = [];
  const yaml = parseDocument(text, {
    lineCounter: lines,
    version: '1.2',
    schema: 'core',
    strict: true,
    stringKeys: true,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
  });
  const report = (offset: number, path: FaultPath, wrong: string): void => {
    faults.push({ path, at: 'value', text: wrong, ...at(offset) });
  };
  const reading: Reading = { yaml, report, values: 0, aliases: 0, value: new Map(), key: new Map() };
  const document = yaml.contents === null ? undefined : plain(reading, yaml.contents as Node, []);
  for (const error of [...yaml.errors, ...yaml.warnings]) {
    report(error.pos[0], pathBefore(reading, error.pos[0]), yamlFaultText(error.code));
  }
  if (yaml.directives?.yaml.version === '1.1') report(0, [], 'is YAML 1.1; expected YAML 1.2');
  return { document, faults, broken: yaml.errors.length > 0, position: (fault) => at(offsetOf(reading, fault)) };
}

/** Plain data of a node; notes where each value and key stands. */
function plain(reading: Reading, node: Node | null, path: FaultPath): unknown {
  reading.values += 1;
  if (node === null) return null;
  const start = node.range?.[0] ?? 0;
  if (!reading.value.has(pathText(path))) reading.value.set(pathText(path), start);
  const target = isAlias(node) ? resolveAlias(reading, node, path) : node;
  if (target === undefined) return null;
  if (path.length > maxDepth || reading.values > maxValues) {
    if (path.length > maxDepth || reading.values === maxValues + 1) reading.report(start, path, tooMuch);
    return null;
  }
  if (isMap(target)) return plainMap(reading, target.items as readonly MapPair[], path);
  if (isSeq(target)) return target.items.map((item, index) => plain(reading, item as Node | null, [...path, index]));
  return isScalar(target) ? target.value : null;
}

interface MapPair {
  readonly key: unknown;
  readonly value: unknown;
}
function plainMap(reading: Reading, pairs: readonly MapPair[], path: FaultPath): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (const pair of pairs) {
    // What has no scalar key was reported by the parser.
    if (!isScalar(pair.key)) continue;
    const key = String(pair.key.value);
    const below = [...path, key];
    const start = pair.key.range?.[0] ?? 0;
    if (Object.hasOwn(map, key)) {
      reading.report(start, below, 'is given twice; expected once');
      continue;
    }
    reading.key.set(pathText(below), { start, path: below });
    const value = plain(reading, pair.value as Node | null, below);
    Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
  }
  return map;
}

function resolveAlias(reading: Reading, alias: Alias, path: FaultPath): Node | undefined {
  const start = alias.range?.[0] ?? 0;
  reading.aliases += 1;
  if (reading.aliases > maxAliases) {
    if (reading.aliases === maxAliases + 1) reading.report(start, path, tooMuch);
    return undefined;
  }
  const node = alias.resolve(reading.yaml);
  if (node === undefined) {
    reading.report(start, path, 'is an alias of nothing; text that begins with * needs quotes');
  }
  return node;
}

/** The value, the key for an unknown one, and for a missing one the nearest map above that is there. */
function offsetOf(places: Places, fault: DocumentFault): number {
  const own = pathText(fault.path);
  if (fault.at === 'key') return places.key.get(own)?.start ?? 0;
  for (let length = fault.path.length; length >= 0; length -= 1) {
    const name = pathText(fault.path.slice(0, length));
    const offset = places.value.get(name) ?? places.key.get(name)?.start;
    if (offset !== undefined) return offset;
  }
  return 0;
}

/** The path of the last key that begins at or before an offset: where a syntax fault most likely belongs. */
function pathBefore(places: Places, offset: number): FaultPath {
  let nearest: { readonly start: number; readonly path: FaultPath } = { start: -1, path: [] };
  for (const key of places.key.values()) if (key.start <= offset && key.start > nearest.start) nearest = key;
  return nearest.path;
}
