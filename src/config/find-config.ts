import { access } from 'node:fs/promises';
import { resolve } from 'node:path';

/** Where every command looks for its configuration, in this order (interface section 1). */
export const systemConfigFile = '/etc/daybook/daybook.yaml';

/**
 * The configuration file a command uses: the one given, else the first that exists of `daybook.yaml` in the working
 * folder and {@link systemConfigFile}; undefined when there is none. One that was given comes back as it was written,
 * so that faults name it so, and need not exist.
 */
export async function findConfig(
  given: string | undefined,
  workingDir: string,
  systemFile: string = systemConfigFile,
): Promise<string | undefined> {
  if (given !== undefined) return given;
  for (const file of [resolve(workingDir, 'daybook.yaml'), systemFile]) {
    const exists = await access(file).then(
      () => true,
      () => false,
    );
    if (exists) return file;
  }
  return undefined;
}
