import { z } from 'zod';
import { readFormat } from './format.ts';
import type { Migration } from './migration.ts';

/** `registries.yaml` of ecr-pull-through. An account has twelve digits: YAML may read them as a number. */
const REGISTRIES = z.object({
  registries: z.array(z.string().regex(/^[\w.-]+(?::\d+)?$/)).min(1),
  awsAccountId: z
    .union([z.string(), z.int()])
    .transform(String)
    .pipe(z.string().regex(/^\d{12}$/)),
  awsRegion: z.string().regex(/^[a-z0-9-]+$/),
});

/**
 * The tool writes `ACCOUNT.dkr.ecr.REGION.amazonaws.com/` before images of the registries listed, `docker.io/library/`
 * filled in, and leaves every other image alone. It copies nothing: the rules of ECR fetch the bytes.
 * @throws ConfigError
 */
export function fromEcrPullThrough(tree: unknown, where: string): Migration {
  const { registries, awsAccountId, awsRegion } = readFormat(REGISTRIES, tree, where);
  return {
    settings: {
      registry: {
        prefix: `${awsAccountId}.dkr.ecr.${awsRegion}.amazonaws.com`,
        naming: 'keep-host',
      },
      rules: [
        {
          name: 'pull-through',
          match: { images: registries.map((host) => `${host}/**`) },
          action: 'rewrite-only',
        },
        { name: 'others', action: 'skip' },
      ],
    },
    notes: [
      'The rules of ECR keep fetching the images; without a username in the Secret registry-auth no path is put before their names.',
      'Images without a host (org/image) are those of docker.io, and are rewritten like them; ecr-pull-through missed them.',
      'Namespaces opt in by image-cloner=enabled, not by pull-through-enabled=true: change the namespaceSelector of deploy/image-cloner-webhook.yaml.template to keep the label.',
    ],
  };
}
