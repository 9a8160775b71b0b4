/** How a registry of the wild differs from docker-registry, which is what the defaults are like. */
export interface Traits {
  /** Answers 201 to a mount of what the `from` repository holds, itself included. Default true; false: 202, always. */
  readonly mounts: boolean;
  /** Takes a blob in one POST with `?digest=`. Default false: 202, as distribution answers. */
  readonly singlePost: boolean;
  /** Refuses a manifest whose parts are missing, so a sparse index as well. Default true. */
  readonly checksReferences: boolean;
  /** Answers 404 where `Accept` does not name the manifest's type. Default true. */
  readonly checksAccept: boolean;
  /** Refuses a tag that is there, even for the same digest, as ECR does. Default false. */
  readonly immutableTags: boolean;
  /** So many PUTs of each manifest are refused with MANIFEST_BLOB_UNKNOWN before one is taken. Default 0. */
  readonly settlingPuts: number;
  /** Has the referrers API and sends `OCI-Subject`. Default true. */
  readonly referrers: boolean;
  /** Serves parts of a blob (206). Default true; false: ignores `Range`. */
  readonly ranges: boolean;
  /** Takes a blob pushed by its sha512 and stores it by its sha256, as distribution 2.8 does. Default false. */
  readonly sha256Only: boolean;
}

export const DOCKER_REGISTRY: Traits = {
  mounts: true,
  singlePost: false,
  checksReferences: true,
  checksAccept: true,
  immutableTags: false,
  settlingPuts: 0,
  referrers: true,
  ranges: true,
  sha256Only: false,
};
