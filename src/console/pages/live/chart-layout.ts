import type { Statechart } from '../../wire.types.ts';

type ChartNode = Statechart['nodes'][number];
type ChartEdge = Statechart['edges'][number];

/** A state with its place, in the units of the drawing. */
export interface Box {
  readonly node: ChartNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
export interface ChartLayout {
  readonly width: number;
  readonly height: number;
  /** Outer boxes before what is in them. */
  readonly boxes: readonly Box[];
}

const leafHeight = 28;
const titleHeight = 22;
const padding = 10;
const gap = 22;
/** Of the widest letters that keys are made of, at the size they are drawn. */
const letterWidth = 7.2;

interface Block {
  readonly node: ChartNode;
  readonly width: number;
  readonly height: number;
  readonly inside: readonly (Block & { readonly x: number; readonly y: number })[];
}

/** Places every state inside its parent: regions of a parallel state below each other, other states side by side. */
export function layoutOf(chart: Statechart, widest: number): ChartLayout {
  const root = chart.nodes.find(({ parent }) => parent === null);
  if (root === undefined) return { width: 0, height: 0, boxes: [] };
  const children = new Map<string, ChartNode[]>();
  for (const node of chart.nodes) {
    if (node.parent !== null) children.set(node.parent, [...(children.get(node.parent) ?? []), node]);
  }
  const block = blockOf(root, children, widest);
  return { width: block.width, height: block.height, boxes: boxesOf(block, 0, 0) };
}

function blockOf(node: ChartNode, children: ReadonlyMap<string, readonly ChartNode[]>, widest: number): Block {
  const inner = (children.get(node.id) ?? []).map((child) => blockOf(child, children, widest - 2 * padding));
  if (inner.length === 0) return { node, width: titleWidth(node) + 20, height: leafHeight, inside: [] };
  const inside: (Block & { readonly x: number; readonly y: number })[] = [];
  let [x, y, rowHeight, width] = [padding, titleHeight + padding, 0, titleWidth(node) + 2 * padding];
  for (const each of inner) {
    const full = x > padding && (node.kind === 'parallel' || x + each.width + padding > widest);
    if (full) [x, y, rowHeight] = [padding, y + rowHeight + gap, 0];
    inside.push({ ...each, x, y });
    x += each.width + gap;
    rowHeight = Math.max(rowHeight, each.height);
    width = Math.max(width, x - gap + padding);
  }
  return { node, width, height: y + rowHeight + padding, inside };
}

function boxesOf(block: Block, x: number, y: number): readonly Box[] {
  const { node, width, height, inside } = block;
  return [{ node, x, y, width, height }, ...inside.flatMap((each) => boxesOf(each, x + each.x, y + each.y))];
}

const titleWidth = ({ key, runs }: ChartNode): number =>
  (key.length + (runs.length === 0 ? 0 : runs.join(', ').length + 7)) * letterWidth;

/** The states that are current, outer ones too: `{enabled: {health: 'active'}}` names four. */
export function currentIn(chart: Statechart, value: unknown): ReadonlySet<string> {
  const root = chart.nodes.find(({ parent }) => parent === null);
  const current = new Set<string>(root === undefined ? [] : [root.id]);
  const visit = (at: unknown, path: string): void => {
    const below = typeof at === 'string' ? [[at, undefined] as const] : Object.entries((at ?? {}) as object);
    for (const [key, inner] of below) {
      const id = path === '' ? key : `${path}_${key}`;
      current.add(id);
      visit(inner, id);
    }
  };
  visit(value, '');
  return current;
}

/** What can happen next: out of the current states, the innermost first; what leaves everything as it is left out. */
export function nextOf(chart: Statechart, current: ReadonlySet<string>): readonly ChartEdge[] {
  const depth = ({ from }: ChartEdge): number => from.split('_').length;
  return chart.edges
    .filter(({ from, to, stays }) => current.has(from) && !stays && from !== to)
    .toSorted((one, other) => depth(other) - depth(one));
}

/** Beside the middle, so that there and back are two lines. */
const aside = 5;

/**
 * From one box to another. In a row neighbours are joined straight, others by a bow: onwards above the boxes between,
 * backwards below them. Else it is a curve between the sides that face each other.
 */
export function arrowBetween(from: Box, to: Box): string {
  const [a, b] = [centreOf(from), centreOf(to)];
  const onwards = b.x > a.x;
  const apart = onwards ? to.x - (from.x + from.width) : from.x - (to.x + to.width);
  if (Math.abs(a.y - b.y) < 1 && apart > 0) {
    return apart <= gap ? straight(from, to, onwards) : bow(from, to, onwards);
  }
  if (apart > 0) {
    const [x1, x2] = [onwards ? from.x + from.width : from.x, onwards ? to.x : to.x + to.width];
    const bend = (x2 - x1) / 2;
    return `M${x1} ${a.y}C${x1 + bend} ${a.y} ${x2 - bend} ${b.y} ${x2} ${b.y}`;
  }
  const down = b.y > a.y;
  const [y1, y2] = [down ? from.y + from.height : from.y, down ? to.y : to.y + to.height];
  const bend = (y2 - y1) / 2;
  return `M${a.x} ${y1}C${a.x} ${y1 + bend} ${b.x} ${y2 - bend} ${b.x} ${y2}`;
}

function straight(from: Box, to: Box, onwards: boolean): string {
  const y = centreOf(from).y + (onwards ? -aside : aside);
  return onwards ? `M${from.x + from.width} ${y}H${to.x}` : `M${from.x} ${y}H${to.x + to.width}`;
}

function bow(from: Box, to: Box, onwards: boolean): string {
  const [a, b] = [centreOf(from), centreOf(to)];
  const [x1, x2] = onwards ? [a.x + aside, b.x - aside] : [a.x - aside, b.x + aside];
  const [y1, y2] = onwards ? [from.y, to.y] : [from.y + from.height, to.y + to.height];
  // A curve reaches three quarters of the way to its handles.
  const high = (onwards ? -1 : 1) * Math.min(gap, 8 + Math.abs(x2 - x1) / 30);
  return `M${x1} ${y1}C${x1} ${y1 + high} ${x2} ${y2 + high} ${x2} ${y2}`;
}

const centreOf = ({ x, y, width, height }: Box) => ({ x: x + width / 2, y: y + height / 2 });
