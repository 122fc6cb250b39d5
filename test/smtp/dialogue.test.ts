import { describe, expect, test } from 'vitest';
import { Dialogue, type DialogueLine } from '../../src/smtp/dialogue.ts';

function session() {
  const told: string[] = [];
  const line = (definitionId: string, { said, text }: DialogueLine) => told.push(`${definitionId} ${said} ${text}`);
  const dialogue = new Dialogue({ wanted: () => true, line }, { session: 's1', peer: '127.0.0.1' });
  return {
    told,
    dialogue,
    heard: (text: string, secret = false) => dialogue.heard(0, Buffer.from(`${text}\r\n`), secret),
  };
}

describe('the dialogue of a session', () => {
  test('goes to nobody before a recipient has chosen, then whole to the definition that was', () => {
    const { told, dialogue, heard } = session();
    dialogue.said(0, { code: 220, text: 'ready' });
    heard('EHLO client.test');
    expect(told).toEqual([]);
    dialogue.choose('exchange');
    dialogue.choose('exchange');
    heard('DATA');
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

  test('keeps nothing of a line that answers a challenge, and trusts the lines behind it', () => {
    const { told, dialogue, heard } = session();
    dialogue.choose('x');
    heard('AUTH LOGIN');
    heard('MAIL FROM:<my@password>', true);
    heard('EHLO client.test');
    expect(told).toEqual(['x > AUTH LOGIN ***', 'x > ***', 'x > EHLO client.test']);
  });

  test.each(['DATA', 'data', 'DATA now', 'BDAT 100 LAST', 'Subject: x'])(
    'keeps no words of the mail that may come as commands after %j',
    (before) => {
      const { told, dialogue, heard } = session();
      heard(before);
      dialogue.choose('x');
      told.length = 0;
      for (const line of ['Subject: secret', 'Data of the secret', 'HELO secret', 'QUIT']) heard(line);
      expect(told).toEqual(['x > ***', 'x > ***', 'x > ***', 'x > QUIT']);
    },
  );

  test('keeps the opening and the latest lines for a recipient that comes late, and says how many it left out', () => {
    const { told, dialogue, heard } = session();
    heard('EHLO client.test');
    for (let n = 0; n < 1_000; n += 1) heard(`RCPT TO:<r${n}@c.example>`);
    dialogue.choose('x');
    expect(told).toHaveLength(65);
    expect(told[0]).toBe('x > EHLO client.test');
    expect(told[24]).toBe('x - 937 lines left out');
    expect(told.at(-1)).toBe('x > RCPT TO:<r999@c.example>');
  });

  test('keeps no more than 512 characters of a line', () => {
    const { told, dialogue, heard } = session();
    dialogue.choose('x');
    heard(`RCPT TO:<${'x'.repeat(10_000)}@c.example>`);
    dialogue.said(0, { code: 250, text: 'y'.repeat(10_000) });
    expect(told[0]).toBe('x > RCPT ***');
    expect(told[1]).toHaveLength('x < '.length + 512);
  });
});
