import type { z } from 'zod';
import { ConfigError, quoteValue } from '../config-error.ts';
import { valueAt } from '../tree.ts';

/** What a format's schema finds in a file. @throws ConfigError with every fault, each with its file and key */
export function readFormat<Schema extends z.ZodType>(
  schema: Schema,
  tree: unknown,
  where: string,
): z.output<Schema> {
  const result = schema.safeParse(tree);
  if (result.success) return result.data;
  throw new ConfigError(
    result.error.issues.map(({ path, message }) => ({
      at: `${where}: ${path.join('.')}`,
      // What is wrong stands in the message; a value may be a password, so only texts that are none are shown.
      what: path.at(-1) === 'password' ? message : `got ${quoteValue(valueAt(tree, path))}, ${message}`,
    })),
  );
}
