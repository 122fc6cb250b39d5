// Preloaded into an engine: a message whose original begins with `X-Kill:` ends the process where its hash is taken, as a
// crash of the parser or of the memory would. Nothing in the engine knows of it.
import { Buffer } from 'node:buffer';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

const { hash } = crypto;
crypto.hash = (algorithm, data, ...rest) => {
  const start = typeof data === 'string' ? '' : Buffer.from(data.subarray(0, 7)).toString('latin1');
  if (start === 'X-Kill:') process.kill(process.pid, 'SIGKILL');
  return hash(algorithm, data, ...rest);
};
syncBuiltinESMExports();
