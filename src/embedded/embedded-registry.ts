import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import Koa from 'koa';
import { type AccessEvent, observeAccess } from './access.ts';
import { answerBytes } from './answer.ts';
import { refusalFor } from './fault.ts';
import { type BasicAuth, checkAuth, checkReading } from './guard.ts';
import { type Listener, type ListenOptions, listen } from './listener.ts';
import { Repositories } from './repositories.ts';
import { dispatch } from './routes.ts';
import { UploadSessions } from './upload-sessions.ts';

export interface EmbeddedRegistryOptions {
  /** Directory of all content; made if it is absent. One registry at a time may write to it. */
  readonly dir: string;
  /** Default: everybody may do everything. */
  readonly auth?: BasicAuth;
  /** Refuses every request that would change something. Default false. */
  readonly readOnly?: boolean;
  /** Called once per request. Must not throw. */
  readonly observe?: (event: AccessEvent) => void;
}

export interface EmbeddedRegistry {
  /** For a server of one's own. */
  readonly handler: RequestListener;
  listen(options?: ListenOptions): Promise<Listener>;
}

/** Not a name of a repository, whose components never start with `_`. */
const UPLOADS = '_uploads';

/**
 * A registry over OCI image layouts, one for each repository (OCI distribution spec 1.1: pull, push, content discovery
 * and management).
 */
export async function createEmbeddedRegistry(options: EmbeddedRegistryOptions): Promise<EmbeddedRegistry> {
  const repositories = new Repositories(options.dir);
  const uploads = new UploadSessions(join(options.dir, UPLOADS));
  await uploads.prepare();
  const handle = appFor(options, { repositories, uploads }).callback();
  function handler(...[request, response]: Parameters<RequestListener>): void {
    void handle(request, response);
  }
  return { handler, listen: (listenOptions) => listen(handler, listenOptions) };
}

function appFor(options: EmbeddedRegistryOptions, state: Parameters<typeof dispatch>[1]): Koa {
  const { auth, readOnly = false, observe = () => {} } = options;
  const app = new Koa();
  // What fails is told to `observe`, never printed.
  app.silent = true;
  app.use(async (ctx) => {
    const failed = observeAccess(ctx, observe);
    // Docker asks for this header before it believes that it speaks to a registry.
    ctx.set('Docker-Distribution-API-Version', 'registry/2.0');
    try {
      if (auth !== undefined) checkAuth(ctx, auth);
      if (readOnly) checkReading(ctx);
      await dispatch(ctx, state);
    } catch (error) {
      const refusal = refusalFor(error);
      if (refusal.status >= 500) failed(error);
      answerBytes(
        ctx,
        refusal.status,
        { 'Content-Type': 'application/json', ...refusal.headers },
        refusal.body,
      );
    }
  });
  return app;
}
