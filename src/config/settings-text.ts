import type { Settings } from './configuration.ts';

/** The configuration as a YAML file that would give the same; no setting is a secret. */
export async function formatSettings(settings: Settings): Promise<string> {
  // As for reading: only who needs the library loads it.
  const { formatDocument } = await import('../yaml/document.ts');
  return formatDocument(settings);
}
