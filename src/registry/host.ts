import { type Endpoint, endpointOf, type SpeaksPlainHttp } from './endpoint.ts';
import { HostGate } from './host-gate.ts';
import { Outage } from './outage.ts';
import type { Patience } from './retry.ts';
import { TraitMemory } from './trait.ts';
import type { Transport } from './transport.ts';
import { Warnings } from './warning.ts';

export interface HostOptions {
  readonly transport: Transport;
  readonly speaksPlainHttp: SpeaksPlainHttp;
  readonly firstPauseMs: number;
}

/** What is shared by everything that speaks to the same registry host. */
export class Host {
  readonly traits = new TraitMemory();
  readonly warnings = new Warnings();
  readonly patience: Patience;
  readonly #name: string;
  readonly #options: HostOptions;
  #url: Promise<URL> | undefined;

  constructor(name: string, options: HostOptions) {
    this.#name = name;
    this.#options = options;
    this.patience = { gate: new HostGate(), outage: new Outage(), firstPauseMs: options.firstPauseMs };
  }

  /** Base URL of its API. @throws RegistryError as `endpointOf` does */
  async url(): Promise<URL> {
    this.#url ??= this.#find(endpointOf(this.#name, this.#options.speaksPlainHttp));
    return this.#url;
  }

  async #find({ url, tlsIfSpoken }: Endpoint): Promise<URL> {
    const secure = new URL(`https://${this.#name}`);
    return tlsIfSpoken && (await this.#options.transport.speaksTls(secure)) ? secure : url;
  }
}
