import { BoundedMap } from './bounded-map.ts';
import type { Token } from './token.ts';
import { requestToken, type TokenRequest } from './token-request.ts';
import type { Transport } from './transport.ts';

/** Tokens kept; the oldest go first. A large cluster uses a few hundred repositories. */
const MOST_TOKENS = 10_000;

/** Keeps Bearer tokens for as long as they live. */
export class TokenCache {
  readonly #transport: Transport;
  readonly #tokens = new BoundedMap<string, Promise<Token>>(MOST_TOKENS);

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * One request at a time for the same token, whoever asks. Credentials are told apart: no token is ever used for
   * another one.
   * @param refused a token that a registry did not take and that is not handed out again
   * @returns the token, `fresh` when it was not at hand
   */
  async get(
    request: TokenRequest,
    refused?: string,
  ): Promise<{ readonly value: string; readonly fresh: boolean }> {
    const key = keyOf(request);
    const known = this.#tokens.get(key);
    if (known === undefined) return { value: (await this.#start(key, request)).value, fresh: true };
    const token = await known;
    if (token.value !== refused && token.endsAt > performance.now())
      return { value: token.value, fresh: false };
    // Whoever wakes up first renews it for all.
    const renewed = this.#tokens.get(key);
    const next = renewed === undefined || renewed === known ? this.#start(key, request) : renewed;
    return { value: (await next).value, fresh: true };
  }

  #start(key: string, request: TokenRequest): Promise<Token> {
    const token = requestToken(this.#transport, request);
    this.#tokens.set(key, token);
    token.catch(() => this.#forget(key, token));
    return token;
  }

  #forget(key: string, token: Promise<Token>): void {
    if (this.#tokens.get(key) === token) this.#tokens.delete(key);
  }
}

/** It holds secrets, and is never written anywhere. */
function keyOf({ realm, service, scopes, credential }: TokenRequest): string {
  return JSON.stringify([realm.href, service, scopes, credential]);
}
