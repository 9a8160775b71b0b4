import { type Reference, readReference } from '../image/reference.ts';
import type { ImageUse } from '../workload/images.ts';
import { type CopyDecision, DEFAULT_RULE, type Decision, OWNED_RULE, type SkipReason } from './decision.ts';
import type { Judgement } from './judgement.ts';
import { isShared, nameOf, ownBackupOf, type Written } from './naming.ts';
import { ownerOf } from './owner.ts';
import { isBackup } from './prefix.ts';
import type { Rule } from './rule.ts';
import { mayBeSource } from './source-hosts.ts';
import type { Subject } from './subject.ts';

/** Istio writes it where its sidecar injector is to put the image; as a reference it would be `library/auto`. */
const PLACEHOLDER = 'auto';

/** Whose images are planned. */
export interface Owner {
  readonly subject: Subject;
  /** A controller made it, from a template that was judged already. */
  readonly controlled: boolean;
}

/** One decision for each image, in the order given. */
export function planImages(
  uses: readonly ImageUse[],
  owner: Owner,
  judgement: Judgement,
): readonly Decision[] {
  return uses.map((use) => planImage(use, owner, judgement));
}

/** Rules come last: they are about sources, and what is left alone before has none. */
function planImage(use: ImageUse, owner: Owner, judgement: Judgement): Decision {
  const reason = reasonToSkip(use);
  if (reason !== undefined) return { action: 'skip', use, reason };
  const source = readReference(use.image);
  if (source === undefined) return { action: 'skip', use, reason: 'unparsable' };
  if (isBackup(source, judgement.naming.prefix)) return decideBackup({ use, source }, owner, judgement);
  if (isTarget(use.image, judgement)) return { action: 'skip', use, reason: 'already-backup' };
  const rule = judgement.rules.find((one) => one.matches(owner.subject, source)) ?? COPY_ALL;
  return decide({ use, source, rule }, owner, judgement);
}

/** Nodes pull every copy as one and the same: only here can be seen who asks for it. */
function decideBackup(
  { use, source }: Pick<Ruled, 'use' | 'source'>,
  { subject: { namespace } }: Owner,
  { naming }: Judgement,
): Decision {
  const owner = naming.apart ? ownerOf(source, naming.prefix) : undefined;
  if (owner === undefined || owner === namespace) return { action: 'skip', use, reason: 'already-backup' };
  const message = `a copy of namespace "${owner}" is for that namespace alone, name the image that it was made of`;
  return { action: 'deny', use, source, rule: OWNED_RULE, message };
}

function reasonToSkip({ image, pullPolicy }: ImageUse): SkipReason | undefined {
  if (image === '') return 'empty';
  if (image === PLACEHOLDER) return 'placeholder';
  return pullPolicy === 'Never' ? 'never-pulled' : undefined;
}

const COPY_ALL: Pick<Rule, 'name' | 'action' | 'check' | 'message'> = {
  name: DEFAULT_RULE,
  action: 'copy',
  check: false,
};

interface Ruled {
  readonly use: ImageUse;
  readonly source: Reference;
  readonly rule: typeof COPY_ALL;
}

function decide({ use, source, rule }: Ruled, owner: Owner, judgement: Judgement): Decision {
  const { controlled } = owner;
  const { action, name, check, message } = rule;
  const said = message === undefined ? {} : { message };
  if (action === 'skip') return { action, use, reason: 'rule', rule: name };
  if (action === 'deny') return { action, use, source, rule: name, ...said };
  const backups = backupsOf({ text: use.image, source }, owner, judgement);
  if (backups === undefined) return { action: 'skip', use, reason: 'not-mapped' };
  const named = { use, source, ...backups, rule: name };
  if (action === 'warn') return { action, ...named, ...said };
  const seen = unclaimed(named);
  if (action === 'rewrite-only') return { action: 'rewrite', ...seen, check, quiet: controlled };
  if (!isOurs(seen, judgement)) return { action: 'rewrite', ...seen, check: false, quiet: controlled };
  // A pod of a controller must not wait, and what its template names was copied with the template.
  if (controlled) return { action: 'rewrite', ...named, check: true, quiet: true };
  return mayBeSource(source.host, judgement.sources)
    ? { action: 'copy', ...named, newest: isPulledAnew(use, source) }
    : { action: 'skip', use, reason: 'source-not-allowed' };
}

/** Kubernetes makes `Always` the policy of `latest` as well, but not in custom resources. */
function isPulledAnew({ pullPolicy }: ImageUse, { tag, digest }: Reference): boolean {
  return digest === undefined && (pullPolicy === 'Always' || tag === 'latest');
}

/** Others fill these names: whose an image there is, is their business. */
function unclaimed<Claimed extends { readonly shared?: true }>(named: Claimed): Omit<Claimed, 'shared'> {
  const { shared: _shared, ...rest } = named;
  return rest;
}

/** A map may lead out of the backup registry, or to a digest of its choice: there we put nothing. */
function isOurs({ source, backup }: Pick<CopyDecision, 'source' | 'backup'>, { naming }: Judgement): boolean {
  const isChosen = backup.digest !== undefined && backup.digest !== source.digest;
  return isBackup(backup, naming.prefix) && !isChosen;
}

function isTarget(image: string, { naming }: Judgement): boolean {
  return naming.scheme === 'map' && naming.map.isTarget(image);
}

/** @returns undefined where a map leaves the image as it is */
function backupsOf(
  written: Written,
  { subject: { namespace } }: Owner,
  { naming }: Judgement,
): Pick<CopyDecision, 'backup' | 'ownBackup' | 'shared'> | undefined {
  const backup = nameOf(written, naming);
  if (backup === undefined) return undefined;
  const ownBackup = naming.apart ? ownBackupOf(written.source, namespace, naming) : undefined;
  return {
    backup,
    ...(isShared(naming) && { shared: true }),
    ...(ownBackup !== undefined && { ownBackup }),
  };
}
