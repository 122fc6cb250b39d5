import { cleaned } from './pop3-failure.ts';

/** What the trace shows of a status line: nothing but its own, since content that the server left unstuffed is not. */
export function shown(line: string, password: string): string {
  return /^(?:\+OK|-ERR)\b/i.test(line) ? cleaned(withoutPassword(line, password)) : '***';
}

/** There are servers that repeat the command they refuse. The status itself stays. Lines are decoded byte by byte. */
export function withoutPassword(line: string, password: string): string {
  const said = Buffer.from(password).toString('latin1');
  if (said === '') return line;
  const status = /^(?:\+OK|-ERR)?/.exec(line)?.[0] ?? '';
  return status + line.slice(status.length).replaceAll(said, '***');
}
