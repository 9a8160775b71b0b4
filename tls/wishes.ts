import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { AUTHORITY_DAYS } from './authority.ts';
import { GenError } from './gen-error.ts';
import { parseService, type Service } from './service.ts';

/** What a run of `gen` is to do. */
export interface Wishes {
  /** The checkout to write into. */
  readonly root: string;
  readonly service: Service;
  /** Days for which the server certificate is valid. */
  readonly days: number;
  /** Signs with a new authority; the one before stays trusted. */
  readonly newAuthority: boolean;
  /** Trusts the signing authority alone. */
  readonly dropOld: boolean;
}

export const USAGE = `usage: npm run -s gen -- [options]

Makes the certificate that the webhook serves, and the manifests that hold it and the authority to trust.
The authority of an earlier run is used again, so that the webhook configuration stays as it is.

  --namespace NAME   where image-cloner runs (image-cloner)
  --name NAME        its Service (image-cloner)
  --days N           validity of the server certificate, at most ${AUTHORITY_DAYS} (365)
  --new-authority    signs with a new authority; the one before stays trusted
  --drop-old         trusts no authority but the signing one
  --root FOLDER      the checkout to write into (this one)
  --help`;

const OPTIONS = {
  namespace: { type: 'string', default: 'image-cloner' },
  name: { type: 'string', default: 'image-cloner' },
  days: { type: 'string', default: '365' },
  'new-authority': { type: 'boolean', default: false },
  'drop-old': { type: 'boolean', default: false },
  root: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) },
  help: { type: 'boolean', default: false },
} as const;

/** Reads the command line; undefined when it asks for help. Throws a GenError that a user understands. */
export function parseWishes(args: readonly string[]): Wishes | undefined {
  const values = parseOptions(args);
  if (values.help) return undefined;
  return {
    root: values.root,
    service: parseService(values.name, values.namespace),
    days: parseDays(values.days),
    newAuthority: values['new-authority'],
    dropOld: values['drop-old'],
  };
}

function parseOptions(
  args: readonly string[],
): ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'] {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (cause) {
    throw new GenError('BAD_ARGUMENT', cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function parseDays(text: string): number {
  const days = /^[1-9]\d*$/.test(text) ? Number(text) : Number.NaN;
  if (days <= AUTHORITY_DAYS) return days;
  throw new GenError('BAD_ARGUMENT', `use --days "${text}": want a whole number from 1 to ${AUTHORITY_DAYS}`);
}
