/**
 * Keeps several processes from making the same copy at the same time. It saves work and is no lock: where no lease can
 * be had, each makes the copy for itself, which costs bytes and harms nothing.
 */
export interface Leases {
  /**
   * Waits until nobody else has the lease of this name, and takes it.
   * @param onWait called once, when somebody else has it
   * @throws the signal's reason, and nothing else
   */
  take(name: string, signal: AbortSignal, onWait: () => void): Promise<Lease>;
}

export interface Lease {
  /** Somebody else had it first: what it is for may be done. */
  readonly waited: boolean;
  /** Lets the next one have it. Never rejects. */
  readonly release: () => Promise<void>;
}
