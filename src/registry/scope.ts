/**
 * What a token must allow (distribution token specification): `repository:<path>:pull` or `…:pull,push`.
 * Push is always asked for together with pull: push alone fails on distribution and Harbor.
 */
export type Actions = 'pull' | 'pull,push';

export function scopeOf(path: string, actions: Actions): string {
  return `repository:${path}:${actions}`;
}
