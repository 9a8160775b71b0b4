import { bundle } from '../build/bundle.ts';

// What is shipped, and beside it what makes many copies in one process.
await bundle(
  { main: 'src/main.ts', 'copy-many': 'bench/copy-many.ts' },
  'node_modules/.cache/image-cloner-bench/dist',
);
