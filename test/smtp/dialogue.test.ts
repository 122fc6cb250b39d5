import { describe, expect, test } from 'vitest';
import { Dialogue, type DialogueLine } from '../../src/smtp/dialogue.ts';

function session() {
  const told: string[] = [];
  const line = (definitionId: string, { said, text }: DialogueLine) => told.push(`${definitionId} ${said} ${text}`);
  const dialogue = new Dialogue({ wanted: () => true, line }, { session: 's1', peer: '127.0.0.1' });
  return {
    told,
    dialogue,
    heard: (text: string, secret = false) => dialogue.heard(0, Buffer.from(text), secret),
  };
}

describe('the dialogue of a session', () => {
  test('goes to nobody before a recipient has chosen, then whole to the definition that was', () => {
    const { told, dialogue, heard } = session();
    dialogue.said(0, { code: 220, text: 'ready' });
    heard('EHLO client.test\r\n');
    expect(told).toEqual([]);
    dialogue.choose('exchange');
    dialogue.choose('exchange');
    heard('DATA\r\n');
    expect(told).toEqual(['exchange < 220 ready', 'exchange > EHLO client.test', 'exchange > DATA']);
  });

  test('goes to every definition of its recipients, to each from the beginning', () => {
    const { told, dialogue, heard } = session();
    heard('MAIL FROM:<a@b.example>');
    dialogue.choose('one');
    heard('RCPT TO:<two@c.example>');
    dialogue.choose('two');
    expect(told.filter((line) => line.startsWith('two'))).toEqual([
      'two > MAIL FROM:<a@b.example>',
      'two > RCPT TO:<two@c.example>',
    ]);
  });

  test.each([
    ['AUTH PLAIN AGEAc2VjcmV0', 'AUTH PLAIN ***'],
    ['auth login c2VjcmV0', 'AUTH login ***'],
    ['AUTH LOGIN', 'AUTH LOGIN ***'],
    ['AUTH', '***'],
    ['c2VjcmV0', '***'],
    ['PASS secret', '***'],
    ['XCLIENT LOGIN=secret', '***'],
    ['mail from:<a@b.example>', 'mail from:<a@b.example>'],
    ['QUIT', 'QUIT'],
  ])('of %j keeps %j', (sent, kept) => {
    const { told, dialogue, heard } = session();
    dialogue.choose('x');
    heard(`${sent}\r\n`);
    expect(told).toEqual([`x > ${kept}`]);
  });

  test('keeps nothing of a line that answers a challenge', () => {
    const { told, dialogue, heard } = session();
    dialogue.choose('x');
    heard('MAIL is my password', true);
    expect(told).toEqual(['x > ***']);
  });

  test('is bounded: by lines before a recipient, and by characters of a line', () => {
    const { told, dialogue, heard } = session();
    for (let n = 0; n < 1_000; n += 1) heard(`NOOP ${'x'.repeat(10_000)}`);
    dialogue.choose('x');
    expect(told).toHaveLength(64);
    expect(Math.max(...told.map(({ length }) => length))).toBeLessThan(600);
  });
});
