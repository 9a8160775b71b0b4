/** One way to prove to a registry who we are. The same shape as the registry client's, which it does not import. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token (Docker's `identitytoken`), exchanged at the registry's realm. */
  | { readonly kind: 'identity-token'; readonly token: string; readonly username?: string }
  /** A Bearer token that the registry takes as it is. */
  | { readonly kind: 'registry-token'; readonly token: string };

/** A normalised repository: `docker.io` for Docker Hub, the host in lower case and with its port if it has one. */
export interface Repository {
  readonly host: string;
  readonly path: string;
}

/**
 * The credentials to try for a repository, in order; none means anonymous. What is returned is meant for that
 * repository and for no other. A source that is not there has none.
 * @throws CredentialError when a source that should serve the repository is broken and no other one serves it
 */
export type FindCredentials = (repository: Repository) => Promise<readonly Credential[]>;

/** Where a user name stands; this one says that the secret beside it is a refresh token (docker-credential-helpers). */
const TOKEN_USERNAME = '<token>';

/** What a user name and its secret mean; undefined when both are empty. */
export function credentialOf(username: string, secret: string): Credential | undefined {
  if (username === TOKEN_USERNAME)
    return secret === '' ? undefined : { kind: 'identity-token', token: secret };
  return username === '' && secret === '' ? undefined : { kind: 'basic', username, password: secret };
}
