import { bundle } from './bundle.ts';

await bundle({ main: 'src/main.ts' }, 'dist');
