/** One way to prove to a registry who we are. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token (Docker's `identitytoken`), exchanged at the registry's realm. */
  | { readonly kind: 'identity-token'; readonly token: string; readonly username?: string }
  /** A Bearer token that the registry takes as it is. */
  | { readonly kind: 'registry-token'; readonly token: string };

/** The credentials to try for a repository, in order; none means anonymous. */
export type FindCredentials = (repository: {
  readonly host: string;
  readonly path: string;
}) => Promise<readonly Credential[]>;

export function basicHeader({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
