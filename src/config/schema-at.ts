import { z } from 'zod';

/** The schema of a place in the tree, `optional` and `default` taken off. @returns undefined where there is none */
export function schemaAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType | undefined {
  return path.reduce<z.core.$ZodType | undefined>(
    (found, step) => (found === undefined ? undefined : inner(bare(found), step)),
    schema,
  );
}

function inner(schema: z.core.$ZodType, step: PropertyKey): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodObject) return schema.shape[String(step)];
  if (schema instanceof z.ZodArray) return schema.element;
  return undefined;
}

/** What is said of a schema hangs below `optional` and `default`. */
export function bare(schema: z.core.$ZodType): z.core.$ZodType {
  const wrapped = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault;
  return wrapped ? bare(schema.def.innerType) : schema;
}
