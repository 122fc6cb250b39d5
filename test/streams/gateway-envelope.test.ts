import { describe, expect, test } from 'vitest';
import { transportEnvelope } from '../../streams/gateway-envelope.ts';
import { mail, recipient, spoolItem } from './fixtures.ts';

describe('the envelope of the gateway', () => {
  const { transport } = spoolItem('x');
  const parsed = mail({
    recipients: [
      recipient('bo@north.example', { source: 'header' }),
      recipient('Cy@north.example', { source: 'header', type: 'cc' }),
      recipient('di@north.example', { source: 'header', type: 'bcc' }),
      recipient('not-here@north.example', { source: 'header' }),
    ],
  });
  test('names the recipients of the transaction alone, each once; the headers refine how', () => {
    const rcptTo = [
      'bo@NORTH.example',
      'cy@north.example',
      'di@north.example',
      'eve@north.example',
      'BO@north.example',
    ];
    expect(transportEnvelope(parsed, { ...transport, rcptTo }).recipients).toEqual(
      [
        ['bo@north.example', 'to'],
        ['cy@north.example', 'cc'],
        ['di@north.example', 'undisclosed'],
        ['eve@north.example', 'undisclosed'],
      ].map(([address, refined]) => ({ address, type: 'recipient', via: [], source: 'envelope', refined })),
    );
  });
  test('takes a domain and its A-labels for one', () => {
    const named = {
      ...parsed,
      recipients: [{ ...parsed.recipients[0]!, address: 'bo@bücher.example', type: 'cc' as const }],
    };
    const rcptTo = ['bo@xn--bcher-kva.example', 'Bo@bücher.example'];
    expect(transportEnvelope(named, { ...transport, rcptTo }).recipients).toMatchObject([
      { address: 'bo@xn--bcher-kva.example', refined: 'cc' },
    ]);
  });
  test('keeps the null sender', () => {
    expect(transportEnvelope(parsed, { ...transport, mailFrom: '', rcptTo: ['bo@north.example'] }).sender).toBe('');
  });
});
