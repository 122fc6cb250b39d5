import { describe, expect, test } from 'vitest';
import { masked } from '../../src/smtp/mask.ts';

describe('what is shown of a command line', () => {
  test.each([
    ['EHLO client.test', 'EHLO client.test'],
    ['helo [IPv6:2001:db8::1]', 'helo [IPv6:2001:db8::1]'],
    ['MAIL FROM:<>', 'MAIL FROM:<>'],
    ['mail from:<a@b.example>', 'mail from:<a@b.example>'],
    ['MAIL FROM: a@b.example SIZE=10', 'MAIL FROM: a@b.example SIZE=10'],
    ['MAIL FROM:<"a b"@c.example> BODY=8BITMIME SMTPUTF8', 'MAIL FROM:<"a b"@c.example> BODY=8BITMIME SMTPUTF8'],
    ['RCPT TO:<ä@ö.example> NOTIFY=NEVER', 'RCPT TO:<ä@ö.example> NOTIFY=NEVER'],
    ['DATA', 'DATA'],
    ['starttls', 'starttls'],
    ['QUIT', 'QUIT'],
  ])('%j stays as it is', (line, shown) => {
    expect(masked(`${line}\r\n`, false)).toBe(shown);
  });

  test.each([
    ['AUTH PLAIN AGEAc2VjcmV0', 'AUTH PLAIN ***'],
    ['auth login c2VjcmV0', 'auth login ***'],
    ['AUTH LOGIN', 'AUTH LOGIN ***'],
    ['AUTH PLAIN\tAGEAc2VjcmV0', 'AUTH PLAIN ***'],
    ['AUTH PLAINc2VjcmV0', 'AUTH ***'],
    ['AUTH secret', 'AUTH ***'],
    ['AUTH', 'AUTH ***'],
    ['AUTHsecret', '***'],
  ])('no argument of AUTH: %j', (line, shown) => {
    expect(masked(line, false)).toBe(shown);
  });

  test.each([
    ['c2VjcmV0', '***'],
    ['PASS secret', '***'],
    ['XCLIENT LOGIN=secret', '***'],
    ['NOOP secret', 'NOOP ***'],
    ['QUIT secret', 'QUIT ***'],
    ['MAIL FROM:<a@b.example> secret', 'MAIL ***'],
    ['MAIL secret', 'MAIL ***'],
    ['RCPT TO:secret', 'RCPT ***'],
    ['EHLO my secret', 'EHLO ***'],
    ['Subject: secret', '***'],
    ['', '***'],
  ])('nothing of what has not the form of a command: %j', (line, shown) => {
    expect(masked(line, false)).toBe(shown);
  });

  test('not even a first word or a name where lines of a mail may have come', () => {
    expect(masked('Mail me the secret', true)).toBe('***');
    expect(masked('HELO secret', true)).toBe('***');
    expect(masked('AUTH PLAIN secret', true)).toBe('AUTH PLAIN ***');
    expect(masked('RCPT TO:<a@b.example>', true)).toBe('RCPT TO:<a@b.example>');
    expect(masked('QUIT', true)).toBe('QUIT');
  });

  test('a line made to be slow is not', () => {
    const from = performance.now();
    masked(`MAIL FROM:${'@'.repeat(511)}`, false);
    masked(`MAIL FROM:<${'""'.repeat(255)}`, false);
    masked(`MAIL FROM:<a@b> ${'A=B '.repeat(127)}`, false);
    expect(performance.now() - from).toBeLessThan(1_000);
  });
});
