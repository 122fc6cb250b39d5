import { defineConfig } from 'vite';

/** One page, one script, one style: the console is small enough that more files would only cost round trips. */
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../dist/console',
    emptyOutDir: true,
    target: 'es2022',
    // As files of their own, whatever their size: the content policy is for them.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
