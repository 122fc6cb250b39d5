import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatFault } from '../../src/config/fault.ts';
import { type LoadedConfig, loadConfig } from '../../src/config/load-config.ts';

/** A folder with a configuration and what it names; gone when its scope ends. */
export interface ConfigFolder extends AsyncDisposable {
  readonly dir: string;
  readonly file: string;
  write(name: string, content: string | Uint8Array): Promise<string>;
  /** Writes the configuration and loads it. */
  load(text: string, env?: Record<string, string | undefined>, clock?: { now(): number }): Promise<LoadedConfig>;
  /** The lines `daybook check` would print, without the folder. */
  faults(text: string, env?: Record<string, string | undefined>): Promise<string[]>;
}

export async function configFolder(): Promise<ConfigFolder> {
  const dir = await mkdtemp(join(tmpdir(), 'daybook-config-'));
  const file = join(dir, 'daybook.yaml');
  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(join(dir, name), content);
    return join(dir, name);
  };
  const load: ConfigFolder['load'] = async (text, env = {}, clock) => {
    await write('daybook.yaml', text);
    return loadConfig(file, env, clock);
  };
  return {
    dir,
    file,
    write,
    load,
    async faults(text, env) {
      const loaded = await load(text, env);
      return loaded.ok ? [] : loaded.faults.map((fault) => formatFault({ ...fault, file: 'daybook.yaml' }));
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

/** A self-signed certificate and its key as `NAME.pem` and `NAME.key`, valid for two days from now. */
export function makeCertificate(dir: string, name: string): void {
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`];
  const args = ['req', '-x509', ...newKey, '-out', `${name}.pem`, '-days', '2', '-subj', `/CN=${name}.example`];
  execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' });
}

/** A definition as the file writes it, valid but for what `more` changes. */
export function smtpDefinition(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { id: 'one', description: 'One', transport: 'smtp', serviceEmailAddress: 'one@journal.example', ...more };
}
export function pop3Definition(more: Record<string, unknown> = {}): Record<string, unknown> {
  const pop3 = { host: 'mail.example', mailboxName: 'journal', password: 'mailbox password' };
  return {
    id: 'two',
    description: 'Two',
    transport: 'pop3',
    serviceEmailAddress: 'two@journal.example',
    pop3,
    ...more,
  };
}
/** A whole configuration (JSON is YAML), valid but for what `more` changes. */
export function configText(definitions: readonly unknown[], more: Record<string, unknown> = {}): string {
  return JSON.stringify({ directory: { internalDomains: ['example.com'] }, definitions, ...more }, null, 2);
}
