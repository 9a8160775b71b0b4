import { IMAGES } from './images.ts';
import { OTHER } from './operations.ts';
import { OWNED } from './owners.ts';
import { WHERE } from './places.ts';
import type { Row } from './row.ts';
import { RULED } from './rules.ts';
import { UPDATED } from './updates.ts';

/** One row for each trap. */
export const DECISIONS: readonly Row[] = [...WHERE, ...OWNED, ...UPDATED, ...OTHER, ...IMAGES, ...RULED];
