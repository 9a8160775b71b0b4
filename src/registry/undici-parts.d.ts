// The parts of undici that are used here, as it has them in its own files: the whole, with fetch, caches and mocks,
// would cost each start of a command 80 ms and 15 MB. Those files are no promise of undici; its exact version is pinned.

declare module 'undici/lib/dispatcher/agent.js' {
  export { Agent as default } from 'undici';
}

declare module 'undici/lib/core/connect.js' {
  export { buildConnector as default } from 'undici';
}

declare module 'undici/lib/core/errors.js' {
  import type { errors } from 'undici';

  export const BodyTimeoutError: typeof errors.BodyTimeoutError;
}

declare module 'undici/lib/api/api-request.js' {
  import type { Dispatcher } from 'undici';

  export default function request(
    this: Dispatcher,
    options: Dispatcher.RequestOptions,
  ): Promise<Dispatcher.ResponseData>;
}
