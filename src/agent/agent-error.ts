/**
 * Why an agent did not do what it was asked, in words that stay the same:
 * - `UNREACHABLE` no connection, or it broke · `UNTRUSTED` one side does not believe the other's certificate
 * - `TIMEOUT` it was silent for too long · `PROTOCOL` an answer that no agent gives
 * - `BAD_QUESTION`, `NOT_ALLOWED`, `TOO_LARGE`, `BUSY`, `NOT_FOUND` as the agent refused it
 * Any other code is that of what failed behind the agent: its daemon, or the backup registry.
 */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly code: string;

  constructor(message: string, { code, cause }: { readonly code: string; readonly cause?: unknown }) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
