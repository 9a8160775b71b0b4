import type { Digest } from '../image/digest.ts';

/** What an operator may want to know of a registry. */
export type RegistryEvent =
  /** The registry's own words to its users (OCI distribution spec, "Warnings"); each is told once. */
  | { readonly type: 'warning'; readonly host: string; readonly text: string }
  /** How many pulls are left to us before the registry refuses them (Docker Hub). */
  | { readonly type: 'pulls-left'; readonly host: string; readonly remaining: number }
  /** `digest` was pushed and refers to another manifest, but the tag for the list of such ones holds something else. */
  | {
      readonly type: 'unlisted';
      readonly host: string;
      /** Of the repository. */
      readonly path: string;
      readonly tag: string;
      readonly digest: Digest;
    };

export type ObserveRegistry = (event: RegistryEvent) => void;
