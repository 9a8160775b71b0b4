import { boolYaml11Tag, CORE_SCHEMA, defineScalarTag, mergeTag, nullYaml11Tag, type Schema } from 'js-yaml';

/** kubectl hands the bytes on as the text that they are. */
const binaryTag = defineScalarTag('tag:yaml.org,2002:binary', {
  resolve: (source) => Buffer.from(source, 'base64').toString(),
  identify: () => false,
});

/**
 * What plain words mean.
 * - `yaml-1.2`: `no` is a text. For files of ours.
 * - `kubectl`: YAML 1.1 as kubectl reads it (sigs.k8s.io/yaml): `no`, `off` and `n` are false, `<<` merges mappings; but
 *   `1:20` is a text, not eighty, and a date is a text, too.
 */
export const DIALECTS = {
  'yaml-1.2': CORE_SCHEMA,
  kubectl: CORE_SCHEMA.withTags(boolYaml11Tag, nullYaml11Tag, mergeTag, binaryTag),
} as const satisfies Readonly<Record<string, Schema>>;

export type Dialect = keyof typeof DIALECTS;
