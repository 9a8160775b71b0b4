import { z } from 'zod';
import { isRecord } from '../../image/descriptor.ts';
import { hostUnder } from '../setting.ts';
import { readFormat } from './format.ts';
import type { Migration } from './migration.ts';

const CREDENTIALS = z.object({
  domain: z
    .string()
    .overwrite((text) => text.replace(/\/+$/, ''))
    .refine(
      (text) => hostUnder(text) !== undefined,
      'wanted a registry host with an optional path, without scheme',
    ),
  username: z.string().optional(),
  password: z.string().optional(),
  insecure: z.boolean().default(false),
});

const STYLUS = z.object({
  registryCredentials: CREDENTIALS,
  imageRedirectWebhook: z.object({ enable: z.boolean().default(true) }).optional(),
});

/**
 * The external registry of a Palette cluster: `registryCredentials`, at the top or below `stylus`, and
 * `imageRedirectWebhook.enable`. Every image of the cluster is under that domain and path.
 * @throws ConfigError
 */
export function fromPalette(tree: unknown, where: string): Migration {
  const section = isRecord(tree) && isRecord(tree['stylus']) ? tree['stylus'] : tree;
  const { registryCredentials, imageRedirectWebhook } = readFormat(STYLUS, section, where);
  const { domain, insecure } = registryCredentials;
  const isOff = imageRedirectWebhook?.enable === false;
  return {
    settings: {
      registry: { prefix: domain, ...(insecure && { plainHttp: true }) },
      ...(isOff && { webhook: { enabled: false } }),
    },
    notes: [...notesOfSecret(registryCredentials), ...(insecure ? [INSECURE] : [])],
  };
}

const INSECURE =
  'insecure became registry.plainHttp; for a registry with a certificate of its own authority take the key out and trust the authority.';

function notesOfSecret({ username, password }: z.output<typeof CREDENTIALS>): readonly string[] {
  if (username === undefined && password === undefined) return [];
  return ['Put username and password into the Secret registry-auth: deploy/registry-auth.yaml.example.'];
}
