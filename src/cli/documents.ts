import { CommandFailure, exitCodes } from './exit-codes.ts';

/** A definition as a file has it. */
export type Document = Readonly<Record<string, unknown>> & { readonly id: string };

/** The definitions of a YAML or JSON file. @throws CommandFailure 78 for what is no definition at all; the engine checks the rest */
export async function documentsOf(bytes: Uint8Array, file: string): Promise<readonly Document[]> {
  const { parse } = await import('yaml');
  const wrong = (why: string): CommandFailure => new CommandFailure(exitCodes.invalidConfig, `${file}: ${why}`);
  let read: unknown;
  try {
    read = parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw wrong(error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error));
  }
  const listed = typeof read === 'object' && read !== null && 'definitions' in read ? read.definitions : read;
  return [listed].flat().map((document: unknown, at) => {
    if (typeof document === 'object' && document !== null && typeof (document as Document).id === 'string') {
      return document as Document;
    }
    throw wrong(`definition ${at + 1} is no map with an id`);
  });
}
