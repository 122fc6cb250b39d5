import { SMTPServer } from 'smtp-server';

/** The library alone: reads every message and throws it away. `node dist/bench/peers/bare-smtp-server.js PORT` */
const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  logger: false,
  onData: (stream, _session, done) => {
    stream.on('data', () => undefined);
    stream.on('end', () => done());
  },
});
server.on('error', () => undefined);
server.listen(Number(process.argv[2]), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
