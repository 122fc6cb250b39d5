import { describe, expect, test } from 'vitest';
import { formatAddress, parseAddressList, parseReportAddress } from '../../src/report/addresses.ts';

describe('an address in a report', () => {
  test.each([
    ['Ada@North.Example', 'Ada@north.example'],
    [' <ada@north.example> ', 'ada@north.example'],
    ['"N, Ada <x>" <ada@north.example>', 'ada@north.example'],
    ['SMTP:ada@north.example', 'ada@north.example'],
    ['[smtp:ada@north.example]', 'ada@north.example'],
    ['"Ada \\" N"@north.example', '"Ada \\" N"@north.example'],
    ['åse@north.example', 'åse@north.example'],
    ['ada@[192.0.2.1]', 'ada@[192.0.2.1]'],
    ['IMCEAEX-_O=NORTH_CN=ADA+2EX@north.example', 'IMCEAEX-_O=NORTH_CN=ADA+2EX@north.example'],
    ['[EX:/o=North/ou=HQ/cn=Smith, Jo, Dr]', 'dn:/o=North/ou=HQ/cn=Smith, Jo, Dr'],
    ['/O=North/cn=x', 'dn:/O=North/cn=x'],
    ['EX:/o=North/cn=x', 'dn:/o=North/cn=x'],
    ['Smith, Jo <jo@north.example>', 'jo@north.example'],
    ['"Jo <x@y>, Dr; \\" <z>" <jo@north.example>', 'jo@north.example'],
    ['jo@old.example <jo@north.example>', 'jo@north.example'],
    ['Jo "the man <jo@north.example>', 'jo@north.example'],
    ['<>', ''],
    ['', ''],
  ])('%j is read as %j', (text, address) => {
    expect(parseReportAddress(text)).toBe(address);
  });

  test.each([
    'not an address',
    'ada',
    '@north.example',
    'ada@',
    'a b@north.example',
    'a@b@c',
    'a@x, b@x',
    '<ada@x',
    'ada@x>',
    'a\u0000@x',
    'a,b@x',
    '/o=\u0001',
    '"A" <a@x>, "B" <b@x>',
    '<a@x> <b@x>',
    'A <a@x>; B <b@x>',
    'a@x, B <b@x>',
    '"A" <a@x>, "B <b@x>',
    '"A <a@x>, B <b@x>',
  ])('%j is none', (text) => {
    expect(parseReportAddress(text)).toBeNull();
  });

  test('is judged alike whether it is plain ASCII or not, whatever character is in it', () => {
    for (let code = 0; code < 128; code += 1) {
      const character = String.fromCharCode(code);
      for (const rest of [`${character}Da@North.Example`, `da@No${character}rth.example`, `da@${character}`]) {
        const [plain, other] = [formatAddress(`a${rest}`), formatAddress(`å${rest}`)];
        expect(plain?.slice(1), JSON.stringify(rest)).toBe(other?.slice(1));
      }
    }
    expect(formatAddress("o'Brien+x=1/2{3}|~@North.Example")).toBe("o'Brien+x=1/2{3}|~@north.example");
  });

  test('is refused beyond a thousand characters', () => {
    expect(formatAddress(`${'a'.repeat(990)}@x.example`)).not.toBeNull();
    expect(formatAddress(`${'a'.repeat(992)}@x.example`)).toBeNull();
  });
});

describe('a list of addresses in a header', () => {
  test.each([
    ['a@x.example, b@x.example', ['a@x.example', 'b@x.example'], 0],
    ['Friends: a@x.example, "B, C" <b@x.example>; c@x.example', ['a@x.example', 'b@x.example', 'c@x.example'], 0],
    ['Undisclosed recipients:;', [], 0],
    ['(a@evil.example) b@x.example (x (y) \\) z)', ['b@x.example'], 0],
    ['"a@evil.example" <b@x.example>', ['b@x.example'], 0],
    ['a @ x . example', ['a@x.example'], 0],
    ['<@relay.example,@r.example:a@x.example>', ['a@x.example'], 0],
    ['Bo bo@x.example', ['bo@x.example'], 0],
    ['<a@x.example> <b@x.example>', ['a@x.example', 'b@x.example'], 0],
    ['Smith, Jo <jo@x.example>', ['jo@x.example'], 1],
    ['Bo <bo@x.example', ['bo@x.example'], 0],
    ['"Bo <bo@x.example>', ['bo@x.example'], 0],
    ['(Bo <bo@x.example>', ['bo@x.example'], 0],
    ['=?utf-8?Q?B=C3=B6=2C_a?= <a@x.example>', ['a@x.example'], 0],
    ['<>', [], 0],
    [', ,;', [], 0],
    ['', [], 0],
  ] as const)('%j', (text, addresses, invalid) => {
    expect(parseAddressList(text)).toEqual({ addresses, invalid });
  });
});
