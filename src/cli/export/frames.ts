import { manifestLineBytes } from '../../lines.ts';

/** One message of `GET /v1/export`, or its end. */
export interface Frame {
  readonly line: Readonly<Record<string, unknown>> & { readonly end?: boolean; readonly damaged?: boolean };
  readonly bytes: Buffer;
}

const lineFeed = 0x0a;

/** Takes the answer apart: a line of JSON, then as many bytes as its `size` says. Holds one message. @throws Error where it is cut */
export async function* readFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame, void> {
  const source = chunks[Symbol.asyncIterator]();
  let held: Buffer[] = [];
  let heldBytes = 0;
  const more = async (): Promise<void> => {
    const { value, done } = await source.next();
    if (done === true) throw new Error('the answer was cut');
    held.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    heldBytes += value.length;
  };
  const take = (bytes: number): Buffer => {
    const all = held.length === 1 && held[0] !== undefined ? held[0] : Buffer.concat(held);
    held = bytes < all.length ? [all.subarray(bytes)] : [];
    heldBytes -= bytes;
    return all.subarray(0, bytes);
  };
  const line = async (): Promise<Frame['line']> => {
    let searched = 0;
    for (let at = 0; ; at += 1) {
      if (held[at] === undefined) await more();
      const end = held[at]?.indexOf(lineFeed) ?? -1;
      if (end >= 0) return JSON.parse(take(searched + end + 1).toString('utf8')) as Frame['line'];
      searched += held[at]?.length ?? 0;
      if (searched > manifestLineBytes) throw new Error('a line of the answer is too long');
    }
  };
  for (;;) {
    const head = await line();
    if (head.end === true) {
      yield { line: head, bytes: Buffer.alloc(0) };
      return;
    }
    const size = head.damaged === true ? 0 : Number(head['size']);
    if (!Number.isSafeInteger(size) || size < 0) throw new Error('a line of the answer has no size');
    while (heldBytes < size) await more();
    yield { line: head, bytes: take(size) };
  }
}
