/** One way to prove to a registry who we are. The same shape as the registry client's, which this room does not import. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'identity-token'; readonly token: string; readonly username?: string }
  | { readonly kind: 'registry-token'; readonly token: string };

/** How far the daemon is with one layer. */
export interface PullProgress {
  /** The first twelve digits of its digest. */
  readonly layer: string;
  /** In the daemon's words: `waiting`, `downloading`, `complete` … */
  readonly status: string;
  /** Bytes so far and altogether, where the daemon knows them. */
  readonly bytes?: number;
  readonly totalBytes?: number;
}

export interface PullOptions {
  /** Who the daemon says it is to the registry. Default: nobody, or whom its own configuration names. */
  readonly credential?: Credential;
  /** Not called by containerd 1.6. */
  readonly onProgress?: (progress: PullProgress) => void;
}
