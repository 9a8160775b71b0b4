import { z } from 'zod';
import { FACTS } from './setting.ts';

/** What only the file can hold: a variable has no room for lists of mappings. */
function inFile<Schema extends z.ZodType>(
  schema: Schema,
  said: { readonly what: string; readonly wanted: string; readonly otherwise?: string },
): Schema {
  FACTS.add(schema, { ...said, inFileOnly: true, fromText: (typed) => typed });
  return schema;
}

function globs(what: string): z.ZodOptional<z.ZodArray<z.ZodString>> {
  const wanted = 'a list of texts, in which "*" stands for any characters but "/" and "**" for any at all';
  return inFile(z.array(z.string().min(1)), { what, wanted }).optional();
}

function globsByKey(what: string): z.ZodOptional<z.ZodRecord<z.ZodString, z.ZodString>> {
  const wanted = 'a mapping of keys to texts, in which "*" stands for any characters';
  return inFile(z.record(z.string(), z.string()), { what, wanted }).optional();
}

function text(what: string, wanted: string): z.ZodOptional<z.ZodString> {
  return inFile(z.string().min(1), { what, wanted }).optional();
}

const MATCH = inFile(
  z.strictObject({
    namespaces: globs('Namespaces.'),
    kinds: globs('Kinds, with or without their group: `Deployment`, `Rollout.argoproj.io`.'),
    labels: globsByKey('Labels of the workload or of its pod template.'),
    annotations: globsByKey('Annotations of the workload or of its pod template.'),
    serviceAccounts: globs('Service accounts of the pods.'),
    images: globs('Normalised references, with or without tag and digest: `docker.io/library/*`.'),
  }),
  {
    what: 'What must hold, all of it; without it the rule matches everything.',
    wanted: 'a mapping of namespaces, kinds, labels, annotations, serviceAccounts or images',
  },
);

const ACTIONS = ['copy', 'rewrite-only', 'skip', 'deny', 'warn'] as const;

const RULE = inFile(
  z.strictObject({
    name: text('What the rule is called in warnings, logs and plans.', 'a name'),
    match: MATCH.optional(),
    action: inFile(z.enum(ACTIONS), {
      what: 'What becomes of the images.',
      wanted: `${ACTIONS.slice(0, -1).join(', ')} or ${ACTIONS.at(-1)}`,
    }),
    check: inFile(z.boolean(), {
      what: 'Of `rewrite-only`: only if the backup registry has the image.',
      wanted: 'true or false',
    }).optional(),
    message: text('Of `deny` and `warn`: what the user reads.', 'a text'),
  }),
  { what: 'One rule.', wanted: 'a mapping with name, match, action, check and message' },
);

/** First match wins. What the patterns mean is checked where the rules are made ready. */
export const RULES = inFile(z.array(RULE), {
  what: 'What becomes of which images; the first rule that matches decides, and without one the image is copied. See docs/rules.md.',
  wanted: 'a list of rules',
});

const KIND = /^[A-Z][A-Za-z0-9]*(?:\.[a-z0-9]+(?:[.-][a-z0-9]+)*)?$/;

const WORKLOAD = inFile(
  z.strictObject({
    kind: inFile(z.string().regex(KIND), {
      what: 'Kind and group.',
      wanted: 'kind and group, such as "Rollout.argoproj.io"',
    }),
    podSpec: text('Where its pod spec is.', 'a JSONPath, such as ".spec.template.spec"'),
    image: text('Where a single image is.', 'a JSONPath, such as ".spec.imageName"'),
  }),
  { what: 'One kind.', wanted: 'a mapping with kind and either podSpec or image' },
);

/** Where images live in custom resources. Paths are read where the kinds are put together. */
export const WORKLOADS = inFile(z.array(WORKLOAD), {
  what: 'Custom resources with images: their kind, and where the pod spec or the image is. See docs/rules.md.',
  wanted: 'a list of kinds',
});

const MAP_RULE = inFile(
  z.strictObject({
    source: inFile(z.string().min(1), {
      what: 'A repository, or all below one.',
      wanted: 'a repository, or all below one, such as "quay.io/team/**"',
    }),
    target: inFile(z.string().min(1), {
      what: 'What takes its place.',
      wanted: 'a registry with an optional path, such as "registry.example.com/quay"',
    }),
  }),
  { what: 'One line of the map.', wanted: 'a mapping with source and target' },
);

/** First match wins. */
export const MAP = inFile(z.array(MAP_RULE), {
  what: 'Of naming `map`: source → target; the first that matches counts, and what none matches stays as it is.',
  wanted: 'a list of mappings with source and target',
  otherwise: 'none',
});
