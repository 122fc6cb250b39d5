// Preloaded into an engine: a thread that is given a message with these words dies of an error that quotes the message, as a
// parser may. What is told of it from there on is the engine's own doing.
import { Worker } from 'node:worker_threads';

const words = Buffer.from('this thread is to die');
const post = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (job, transfer) {
  const bytes = Buffer.from(job?.bytes ?? []);
  if (bytes.indexOf(words) < 0) return post.call(this, job, transfer);
  this.emit('error', new Error(`cannot parse ${bytes.toString('latin1')}`));
  void this.terminate();
};
