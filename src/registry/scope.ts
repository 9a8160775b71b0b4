/**
 * What a token must allow (distribution token specification): `repository:<path>:pull` or `…:pull,push`.
 * Push is always asked for together with pull: push alone fails on distribution and Harbor. `delete` is what
 * distribution wants for the cancelling of an upload, and is asked for only then.
 */
export type Actions = 'pull' | 'pull,push' | 'delete';

export function scopeOf(path: string, actions: Actions): string {
  return `repository:${path}:${actions}`;
}

/** Scopes of a challenge that are looked at; one asks for one or two. */
const MOST_ASKED = 4;
const LONGEST_SCOPE = 512;
/** `type:name:action,action`, the name with colons of a port if need be (token specification, "Resource scope grammar"). */
const SCOPE = /^[a-z0-9]+(?:\([a-z0-9]+\))?:[\w./:-]+:[a-z*]+(?:,[a-z*]+)*$/;

/** Those among the scopes of a challenge that ours do not cover. */
export function missingScopes(ours: readonly string[], challenge: string | undefined): readonly string[] {
  const asked = (challenge ?? '').slice(0, MOST_ASKED * LONGEST_SCOPE).split(' ');
  return asked
    .filter((scope) => scope.length <= LONGEST_SCOPE && SCOPE.test(scope))
    .filter((scope) => !ours.some((own) => covers(own, scope)))
    .slice(0, MOST_ASKED);
}

function covers(own: string, asked: string): boolean {
  const [ownName, ownActions] = split(own);
  const [name, actions] = split(asked);
  return ownName === name && actions.every((action) => ownActions.includes(action));
}

function split(scope: string): [string, readonly string[]] {
  const colon = scope.lastIndexOf(':');
  return [scope.slice(0, colon), scope.slice(colon + 1).split(',')];
}
