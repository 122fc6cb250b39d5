import { defineConfig } from 'vite';

/**
 * The binary as few files: a start loads some 900 modules otherwise, and reading them is half of its CPU. What is not
 * needed at every start stays a file of its own, loaded when it is (`await import`). All files stand in one folder, so
 * that a path beside `import.meta.url` means the same in each of them.
 */
export default defineConfig({
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
