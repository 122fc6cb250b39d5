import type { FirstAnswers } from '../../src/config/first-config.ts';

/** Answers of somebody with one domain and one Exchange Server. */
export const firstAnswers = (changes: Partial<FirstAnswers> = {}): FirstAnswers => ({
  sender: 'exchange-server',
  dataDir: './data',
  httpHost: '127.0.0.1',
  httpPort: 8025,
  token: null,
  smtpHost: '127.0.0.1',
  smtpPort: 2525,
  sources: ['127.0.0.1/32'],
  tls: null,
  internalDomains: ['example.com', '*.example.com'],
  serviceAddress: 'journal@journal.example.com',
  ...changes,
});
