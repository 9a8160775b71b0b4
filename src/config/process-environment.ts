/** Variables by name, as `process.env` holds them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The real one. The only place in `src/` that reads it. */
export function processEnvironment(): Environment {
  return process.env;
}
