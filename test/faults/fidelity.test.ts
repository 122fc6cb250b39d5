import { expect, test } from 'vitest';
import { fidelity } from './fidelity.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

test('what is sent comes back, every byte, over SMTP and POP3, however it is cut', async () => {
  const found = await fidelity({ messages: 120, seed });
  expect(found).toMatchObject({ smtp: 60, pop3: 60, differences: [] });
});
