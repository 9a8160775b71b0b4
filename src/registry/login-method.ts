import type { Challenge } from './challenge.ts';
import { resolveHop } from './redirect.ts';

/** How a registry wants to be told who asks. */
export type LoginMethod =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: URL; readonly service: string | undefined };

/**
 * The method that a 401 asks for. Bearer first: a token allows only what it was asked for. Schemes that we do not speak
 * are passed over.
 * @param url where the answer came from; the realm may be relative to it
 * @throws RegistryError as `resolveHop` does
 */
export function readMethod(challenges: readonly Challenge[], url: URL): LoginMethod | undefined {
  const bearer = bearerOf(challenges);
  const realm = bearer?.get('realm');
  if (realm !== undefined) {
    return {
      scheme: 'bearer',
      realm: resolveHop(realm, url, 'follow the token realm'),
      service: bearer?.get('service'),
    };
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : undefined;
}

/** The scopes that a challenge says are needed, separated by spaces. */
export function askedScope(challenges: readonly Challenge[]): string | undefined {
  return bearerOf(challenges)?.get('scope');
}

function bearerOf(challenges: readonly Challenge[]): Challenge['parameters'] | undefined {
  return challenges.find(
    ({ scheme, parameters }) => scheme === 'bearer' && (parameters.get('realm') ?? '') !== '',
  )?.parameters;
}
