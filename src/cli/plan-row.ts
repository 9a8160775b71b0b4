import { isRecord } from '../image/descriptor.ts';
import { familiarReference } from '../image/reference.ts';
import type { Manifest } from '../manifest/manifests.ts';
import type { Decision } from '../plan/decision.ts';
import type { Judgement } from '../plan/judgement.ts';
import { planRequest } from '../plan/plan-request.ts';
import { findImages } from '../workload/images.ts';

/** What would become of one image of a manifest; without `container` of a whole object. */
export interface PlanRow {
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  /** Container, image volume, or pointer of a single text. */
  readonly container?: string;
  /** As it is written. */
  readonly image?: string;
  readonly action: Decision['action'] | 'ignore';
  /** Why nothing is done. */
  readonly reason?: string;
  /** Name of the rule that decided. */
  readonly rule?: string;
  /** What the image would be called. */
  readonly backup?: string;
  /** What it would be called if its source gives it to this namespace's pull secrets alone; only the source knows. */
  readonly ownBackup?: string;
  /** What a user would read who is refused or warned. */
  readonly message?: string;
  /** Is the copy there? Known only where registries were asked. */
  readonly copied?: boolean;
}

/** A row with the decision it was made of; an object that is ignored has none. */
export interface Planned {
  readonly row: PlanRow;
  readonly decision?: Decision;
}

/** What the webhook would do with a manifest that is created now, by the planner that the webhook uses. */
export function planManifest(object: Manifest, namespace: string, judgement: Judgement): readonly Planned[] {
  const about = aboutOf(object, namespace);
  const request = { operation: 'CREATE', namespace: about.namespace, object, oldObject: null } as const;
  const plan = planRequest(request, judgement);
  if (plan.ignored === undefined)
    return plan.decisions.map((decision) => ({ decision, row: { ...about, ...wordsOf(decision) } }));
  // Objects without images are nobody's concern, whatever they are labelled.
  const hasImages = findImages(object, judgement.kinds).length > 0;
  return hasImages ? [{ row: { ...about, action: 'ignore', reason: plan.ignored } }] : [];
}

function aboutOf(
  { kind, metadata }: Manifest,
  fallback: string,
): Pick<PlanRow, 'namespace' | 'kind' | 'name'> {
  const { name, generateName, namespace } = isRecord(metadata) ? metadata : {};
  return {
    namespace: textOf(namespace) ?? fallback,
    kind: textOf(kind) ?? '',
    name: textOf(name) ?? textOf(generateName) ?? '',
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function wordsOf(decision: Decision): Omit<PlanRow, 'namespace' | 'kind' | 'name'> {
  const { action, use } = decision;
  const { reason, message, rule } = { reason: undefined, message: undefined, rule: undefined, ...decision };
  return {
    container: use.name,
    image: use.image,
    action,
    ...(reason !== undefined && { reason }),
    ...(rule !== undefined && { rule }),
    ...('backup' in decision && namesIn(decision)),
    ...(message !== undefined && { message }),
  };
}

function namesIn({
  backup,
  ownBackup,
}: Extract<Decision, { readonly backup: unknown }>): Pick<PlanRow, 'backup' | 'ownBackup'> {
  const own = ownBackup === undefined ? {} : { ownBackup: familiarReference(ownBackup) };
  return { backup: familiarReference(backup), ...own };
}
