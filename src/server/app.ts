import Koa, { type Context, type Next } from 'koa';
import { answerFaults, type FaultParts } from './fault-answer.ts';
import { tellLiveness, tellReadiness } from './health.ts';
import type { Readiness } from './readiness.ts';
import { Refusal } from './refusal.ts';
import { parseTarget } from './request-target.ts';
import { answerReview, type ReviewParts } from './review-route.ts';

export interface AppParts extends Pick<ReviewParts, 'review' | 'intake'>, Pick<FaultParts, 'log'> {
  readonly readiness: Readiness;
  readonly metrics: ReviewParts['metrics'] & FaultParts['metrics'];
}

interface Route {
  readonly methods: readonly string[];
  readonly handle: (context: Context) => Promise<void> | void;
}

const REVIEW_PATH = '/clone-image';

/** The webhook as an HTTP application, to be put behind a listener. */
export function createApp(parts: AppParts): Koa {
  const routes = routesOf(parts);
  const app = new Koa();
  // Faults of a connection whose answer has begun; without this line the framework prints them itself.
  app.on('error', (error: unknown) => parts.log.debug({ error }, 'Connection failed'));
  app.use((context, next) => closeWhenStopping(parts.readiness, context, next));
  app.use((context, next) => answerFaults(parts, REVIEW_PATH, context, next));
  app.use((context) => answerRoute(routes, context));
  return app;
}

function routesOf(parts: AppParts): ReadonlyMap<string, Route> {
  const methods = ['GET', 'HEAD'];
  const ready = { methods, handle: (context: Context) => tellReadiness(parts.readiness, context) };
  return new Map<string, Route>([
    [REVIEW_PATH, { methods: ['POST'], handle: (context) => answerReview(parts, context) }],
    ['/readyz', ready],
    ['/readz', ready],
    ['/livez', { methods, handle: tellLiveness }],
  ]);
}

async function answerRoute(routes: ReadonlyMap<string, Route>, context: Context): Promise<void> {
  const route = routes.get(parseTarget(context.req.url).path);
  if (route === undefined) throw Refusal.path();
  if (!route.methods.includes(context.method)) throw Refusal.method(context.method, route.methods);
  await route.handle(context);
}

/**
 * A client that keeps its connection would never learn that this process goes. Asked after the answer is known:
 * stopping may have begun meanwhile, and then this is the last chance to say so.
 */
async function closeWhenStopping(readiness: Readiness, context: Context, next: Next): Promise<void> {
  await next();
  if (readiness.state === 'stopping') context.set('connection', 'close');
}
