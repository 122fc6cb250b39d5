import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { EngineFailure } from '../../streams/failure.ts';

/** Length of an abstract address: all of `sun_path`, so that no runtime pads it to another name. */
const abstractNameLength = 108;
/** A child has a copy of every open socket from its fork to its exec: some milliseconds, after its parent let go or died. */
const tries = 5;
const betweenTriesMs = 50;

/**
 * The data directory for one engine at a time, for the life of the process. Two sockets hold it; the kernel closes
 * them with the process, however it ends, and no signal that stops the process opens them:
 *
 * - one in the abstract namespace, named after device and inode of the directory: nobody can delete it, and whatever
 *   path leads to the directory has the same one. It reaches as far as the network namespace;
 * - `lock.socket` in the directory: reaches engines in other containers on the same host.
 *
 * `lock` names the process for people and locks nothing. Engines on two hosts that share a network file system do not
 * see each other. Where there is no abstract namespace (not Linux) the second socket alone holds.
 *
 * A refusal comes after a quarter of a second, since what holds a socket may be a child that has just been forked.
 * @throws EngineFailure `locked`
 */
export async function openLock(dataDir: string): Promise<AsyncDisposable> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await takeLock(dataDir);
    } catch (error) {
      if (tried === tries || !(error instanceof EngineFailure && error.code === 'locked')) throw error;
    }
    await pause(betweenTriesMs);
  }
}

async function takeLock(dataDir: string): Promise<AsyncDisposable> {
  const directory = await open(dataDir, 'r');
  const held: Server[] = [];
  const release = async (): Promise<void> => {
    for (const server of held.splice(0).reverse()) await closeServer(server);
    await directory.close();
  };
  try {
    const { dev, ino } = await stat(dataDir, { bigint: true });
    if (process.platform === 'linux') {
      const name = `\0daybook-lock-${dev.toString(16)}-${ino.toString(16)}-`.padEnd(abstractNameLength, '.');
      held.push(await listen(name, dataDir));
    }
    held.push(await listenInside(directory, dataDir));
    await writeName(join(dataDir, 'lock'), `pid ${process.pid}\nstarted ${await startedAt()}\n`);
  } catch (error) {
    await release();
    throw error;
  }
  let releasing: Promise<void> | undefined;
  return {
    [Symbol.asyncDispose]: () => {
      releasing ??= rm(join(dataDir, 'lock'), { force: true }).then(release);
      return releasing;
    },
  };
}

/** For people alone: a disk that is full must not keep the engine from starting. @throws the system's error otherwise */
async function writeName(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOSPC') throw error;
  });
}

/** True while an engine holds the directory. Changes nothing. */
export const isHeld = (dataDir: string): Promise<boolean> => answers(join(dataDir, 'lock.socket'));

/** Listens on the socket in the directory, once it is sure that nobody else does. */
async function listenInside(directory: FileHandle, dataDir: string): Promise<Server> {
  // A socket's path may have some hundred bytes; this short one leads into the open directory however long its name is.
  const within = process.platform === 'linux' ? `/proc/self/fd/${directory.fd}` : dataDir;
  const path = join(within, 'lock.socket');
  if (await answers(path)) throw lockedBy(dataDir, await holderOf(dataDir));
  // Left by a process that was killed. Another engine may have come to the same end in this moment and listen already:
  // so it is moved away first, and asked again there.
  const aside = join(within, `lock.socket.${randomUUID()}`);
  const moved = await rename(path, aside).then(
    () => true,
    () => false,
  );
  if (moved && (await answers(aside))) {
    await rename(aside, path);
    throw lockedBy(dataDir, await holderOf(dataDir));
  }
  if (moved) await rm(aside, { force: true });
  return listen(path, dataDir);
}

/** Exclusive by the kernel: a name that is bound cannot be bound again. The server never keeps the process alive. */
async function listen(path: string, dataDir: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  const failure = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    server.once('error', resolve);
    server.listen({ path, exclusive: true }, () => resolve(null));
  });
  if (failure === null) return server;
  if (failure.code === 'EADDRINUSE') throw lockedBy(dataDir, await holderOf(dataDir));
  throw new EngineFailure('store-failed', `the lock of ${dataDir}: ${failure.message}`, { cause: failure });
}

/** True where a process has this socket open, even one that is stopped: only a dead one refuses. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}

const lockedBy = (dataDir: string, holder: string): EngineFailure => new EngineFailure('locked', `${dataDir}${holder}`);

/** What the file for people says; it may be missing or old. */
async function holderOf(dataDir: string): Promise<string> {
  const text = await readFile(join(dataDir, 'lock'), 'utf8').catch(() => '');
  return text === '' ? '' : ` (${text.trim().replaceAll('\n', ', ')})`;
}

/** When this process began, as the system counts it (clock ticks since boot): a number reused by another has another. */
async function startedAt(): Promise<string> {
  const text = await readFile('/proc/self/stat', 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? 'unknown';
}

const closeServer = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
