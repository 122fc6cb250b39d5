import { defineConfig, type Plugin } from 'vite';

/**
 * The binary as few files: a start loads some 900 modules otherwise, and reading them is half of its CPU. What is not
 * needed at every start stays a file of its own, loaded when it is (`await import`). All files stand in one folder, so
 * that a path beside `import.meta.url` means the same in each of them.
 */
export default defineConfig({
  plugins: [narrow()],
  // An addon with binaries beside it, and what is loaded on a terminal alone.
  ssr: { noExternal: true, external: ['classic-level', 'pino-pretty'] },
  build: {
    ssr: true,
    outDir: '../dist/bin',
    emptyOutDir: true,
    target: 'node20',
    sourcemap: true,
    license: { fileName: 'LICENSES.md' },
    rolldownOptions: {
      input: {
        main: 'src/main.ts',
        'large-mail.worker': 'src/engine/large-mail.worker.ts',
        worker: 'src/content/worker.ts',
      },
      output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
});

/**
 * Writes what is beyond Latin-1 as escapes. V8 keeps the text of what it has loaded, one byte a character, and two of every
 * one in a file as soon as a single dash asks for it. Once all else is done, so that no line moves and the maps stay true.
 */
function narrow(): Plugin {
  // With what escapes it: a backslash before it says nothing more.
  const beyond = /\\.|[^\0-\xff]/gs;
  const narrowed = (found: string): string => {
    const unit = found.charCodeAt(found.length - 1);
    return unit > 0xff ? `\\u${unit.toString(16).padStart(4, '0')}` : found;
  };
  return {
    name: 'narrow',
    generateBundle: (_, bundle) => {
      for (const file of Object.values(bundle))
        if (file.type === 'chunk') file.code = file.code.replace(beyond, narrowed);
    },
  };
}
