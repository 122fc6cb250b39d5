import { type Command, InvalidArgumentError } from 'commander';
import { parseDurationMs } from '../config/units.ts';
import type { EngineStatusAnswer } from './answers.types.ts';
import { api, type Globals, type Talk } from './api-command.ts';
import type { Client } from './client.ts';
import { CommandFailure } from './exit-codes.ts';
import { paintStatuses } from './render.ts';
import { type TopView, topFrame } from './top-frame.ts';
import { figures, withAnswer } from './top-history.ts';

interface TopOptions extends Globals {
  readonly once: boolean;
  /** Milliseconds. */
  readonly interval: number;
}

/** An answer costs the engine well under a millisecond; faster than this nobody reads. */
const shortestMs = 250;
const longestMs = 3_600_000;
/** A plain frame has the width of a page, and as many rows as it needs. */
const plainSize = { columns: 120, rows: 10_000 };

const screen = {
  enter: '\u001b[?1049h\u001b[?25l\u001b[2J',
  leave: '\u001b[?25h\u001b[?1049l',
  home: '\u001b[H',
  endOfLine: '\u001b[K',
  endOfScreen: '\u001b[J',
} as const;

/** `daybook top`: the status as a live screen, or one frame of it. */
export function addTop(program: Command, talk: Talk): void {
  api(program, 'top', 'the status as a live screen, with what came in as bars', 'daybook top --interval 5s')
    .option('--once', 'print one frame and end, as it does where there is no terminal', false)
    .option('--interval <duration>', 'how often to look (default: 2s)', readInterval, 2_000)
    .action(async (options: TopOptions) => {
      const { url, client } = await talk.reach(options);
      const from = new URL(url).host;
      const view: TopView = { answer: undefined, history: [], fault: null, figure: 'received', selected: 0, from };
      if (options.json || options.once || !talk.terminal.isInteractive) {
        const answer = await client.get<EngineStatusAnswer>('/v1/status');
        if (options.json) return talk.out.write(`${JSON.stringify(answer)}\n`);
        const lines = topFrame({ ...view, answer, history: withAnswer([], answer), selected: -1 }, plainSize);
        return talk.out.write(paintStatuses(`${lines.slice(0, -1).join('\n')}\n`, talk.out.colours));
      }
      await watch(talk, client, { ...options, view });
    });
}

/** Draws until the person leaves; whatever happens, the terminal is as it was before. */
async function watch(
  { terminal, out, pause }: Talk,
  client: Client,
  { interval, view: first }: { readonly interval: number; readonly view: TopView },
): Promise<void> {
  let view = first;
  let leave: () => void = () => undefined;
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  let isOpen = true;
  const draw = (): void => {
    if (isOpen) out.write(painted(topFrame(view, terminal.size()), out.colours));
  };
  const look = async (): Promise<void> => {
    view = await looked(view, client);
    draw();
  };
  out.write(screen.enter);
  const listening = terminal.listen({
    keys: (text) => {
      for (const key of keysIn(text)) {
        if (key === 'q' || key === '\u0003') leave();
        view = turned(view, key);
      }
      draw();
    },
    resized: () => {
      out.write('\u001b[2J');
      draw();
    },
    ended: leave,
  });
  try {
    draw();
    const looking = (async () => {
      while (isOpen) {
        await look();
        await Promise.race([pause(interval), left]);
      }
    })();
    await Promise.race([left, looking]);
  } finally {
    isOpen = false;
    listening[Symbol.dispose]();
    out.write(screen.leave);
  }
}

async function looked(view: TopView, client: Client): Promise<TopView> {
  try {
    const answer = await client.get<EngineStatusAnswer>('/v1/status');
    const selected = Math.min(view.selected, Math.max(0, answer.definitions.length - 1));
    return { ...view, answer, history: withAnswer(view.history, answer), fault: null, selected };
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    return { ...view, fault: error.message };
  }
}

/** The view after a key; one that means nothing changes nothing. */
export function turned(view: TopView, key: string): TopView {
  const last = (view.answer?.definitions.length ?? 0) - 1;
  const at = figures.indexOf(view.figure);
  const turn = (by: number): TopView => ({
    ...view,
    figure: figures[(at + by + figures.length) % figures.length] ?? view.figure,
  });
  if (key === '\u001b[A' || key === 'k') return { ...view, selected: Math.max(0, view.selected - 1) };
  if (key === '\u001b[B' || key === 'j') return { ...view, selected: Math.max(0, Math.min(last, view.selected + 1)) };
  if (key === '\u001b[D') return turn(-1);
  return key === '\u001b[C' ? turn(1) : view;
}

/** Keys come in one text where they are pressed fast; an arrow is several characters of it, and so are keys that mean nothing here. */
export const keysIn = (text: string): readonly string[] =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an arrow begins with the escape character
  (text.match(/\u001b[[O][\d;]*[A-Za-z~]|[\s\S]/gu) ?? []).map((key) => key.replace('\u001bO', '\u001b['));

const painted = (lines: readonly string[], colours: boolean): string =>
  screen.home + lines.map((line) => paintStatuses(line, colours) + screen.endOfLine).join('\r\n') + screen.endOfScreen;

function readInterval(text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms >= shortestMs && ms <= longestMs) return ms;
  throw new InvalidArgumentError('expected 250ms to 1h, such as 5s');
}
