import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CopyError } from '../src/copy/copy-error.ts';
import type { CopyTask, Outcome } from '../src/copy/outcome.ts';
import { digestOf } from '../src/image/digest.ts';
import { answer, refusal } from './fakes/answer.ts';
import { copierOn, taskBetween } from './fakes/copying.ts';
import {
  absentAs,
  chunkedBody,
  flippedBody,
  gzippedBody,
  longBody,
  shortBody,
  withHeaders,
  withoutHeaders,
} from './fakes/edit.ts';
import type { Fault } from './fakes/fault.ts';
import type { ScriptedRegistry } from './fakes/scripted-registry.ts';
import { never, useStage } from './fakes/stage.ts';
import { type ImageOptions, type MadeImage, makeImage, makeIndex } from './images/image.ts';

/**
 * Two hundred copies at once through two registries and two token servers that fail at random. Each copy ends with the
 * right digest, or with an error that names operation, side and content; nothing is left behind, and when the faults
 * are over the next try finds everything in order.
 *
 * The seed decides which request meets which fault; `CHAOS_SEED=7 npm test -- test/chaos.test.ts` tries another.
 */

const SEED = Number(process.env['CHAOS_SEED'] ?? 1);
const IMAGES = 200;
/** One request in eight fails: enough for nearly every copy to meet a fault, few enough for most to come through. */
const SHARE = 1 / 8;
/** Over so many requests to a registry, and to a token server; about what the first round takes. */
const REQUESTS = { registry: 1600, tokens: 240 };

type Random = () => number;

/** mulberry32: small, and the same numbers for the same seed everywhere. */
function randomFrom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

/** Everything but the end of an upload session and the token for it: without those none could be given back. */
const ANY = /^(?!.*_state=(?!.*digest=))(?!.*%3Adelete)/;

const PLAYS: readonly ((random: Random) => Partial<Fault>)[] = [
  () => ({ answer: answer(500) }),
  () => ({ answer: answer(503, { 'retry-after': '0' }) }),
  () => ({ answer: refusal(429, 'TOOMANYREQUESTS', { 'retry-after': '0' }) }),
  () => ({ answer: refusal(429, 'TOOMANYREQUESTS') }),
  () => ({ answer: refusal(401, 'UNAUTHORIZED') }),
  () => ({ answer: refusal(403, 'DENIED') }),
  () => ({ answer: refusal(404, 'UNKNOWN') }),
  () => ({ answer: refusal(400, 'MANIFEST_BLOB_UNKNOWN') }),
  // Said of the PUT that ends an upload, these two would make it the registry that keeps the session open.
  (random) => ({
    method: ['GET', 'HEAD', 'POST'][below(random, 3)] ?? 'GET',
    answer: answer(200, { 'content-type': 'text/html' }, '<html>'),
  }),
  () => ({ method: 'POST', answer: answer(201) }),
  (random) => ({ cutAfterRequestBytes: below(random, 2000) }),
  // Whose answer is lost, of a POST, cannot be told to end what it began.
  (random) => ({
    method: below(random, 2) === 0 ? 'GET' : 'PUT',
    cutAfterResponseBytes: below(random, 2000),
  }),
  (random) => ({
    answerAfterRequestBytes: below(random, 2000),
    answer: answer([401, 413, 507][below(random, 3)] ?? 500),
  }),
  (random) => ({ edit: shortBody(1 + below(random, 100)) }),
  (random) => ({ edit: longBody(1 + below(random, 100)) }),
  () => ({ edit: flippedBody }),
  () => ({ edit: gzippedBody }),
  () => ({ edit: chunkedBody }),
  () => ({ edit: (got) => chunkedBody(shortBody(1)(got)) }),
  () => ({ edit: absentAs(403) }),
  () => ({ edit: absentAs(200) }),
  () => ({ edit: withoutHeaders('docker-content-digest') }),
  () => ({ edit: withHeaders({ 'docker-content-digest': digestOf(Buffer.from('other')) }) }),
  () => ({ edit: withHeaders({ 'content-type': 'text/plain' }) }),
];

function faults(random: Random, requests: number): Fault[] {
  return Array.from({ length: requests * SHARE }, () => ({
    path: ANY,
    nth: 1 + below(random, requests),
    ...PLAYS[below(random, PLAYS.length)]?.(random),
  }));
}

/** Single images and indexes, small layers and some that are streamed, a third of them shared with others. */
async function imagesFrom(random: Random): Promise<readonly MadeImage[]> {
  function options(architecture: string): ImageOptions {
    const layers = Array.from({ length: 1 + below(random, 2) }, () => {
      const shared = random() < 1 / 3;
      const seed = shared ? below(random, 10) : 100 + below(random, 1_000_000);
      return { seed, size: seed < 5 ? 300_000 : 500 + (seed % 5000) };
    });
    return { layers, platform: { os: 'linux', architecture } };
  }
  return Promise.all(
    Array.from({ length: IMAGES }, async () => {
      const children = [await makeImage(options('amd64')), await makeImage(options('arm64'))];
      const [single] = children;
      return random() < 0.1 || single === undefined ? makeIndex(children) : single;
    }),
  );
}

/** What is wrong with an image in a registry: parts that are missing or have other bytes than their digest says. */
function wrongIn(registry: ScriptedRegistry, repository: string, image: MadeImage): string[] {
  const { digest } = image.content.descriptor;
  const bytes = registry.manifest(repository, digest);
  const own = bytes !== undefined && digestOf(bytes) === digest ? [] : [digest];
  const blobs = image.blobs
    .map(({ descriptor }) => descriptor.digest)
    .filter((wanted) => {
      const blob = registry.blob(repository, wanted);
      return blob === undefined || digestOf(blob) !== wanted;
    });
  return [...own, ...blobs, ...image.children.flatMap((child) => wrongIn(registry, repository, child))];
}

const unhandled: unknown[] = [];
function remember(reason: unknown): void {
  unhandled.push(reason);
}
beforeAll(() => void process.on('unhandledRejection', remember));
afterAll(() => void process.off('unhandledRejection', remember));

const stage = useStage();

interface Scene {
  readonly target: ScriptedRegistry;
  readonly images: readonly MadeImage[];
  readonly tasks: readonly CopyTask[];
  readonly copyAll: (tasks: readonly CopyTask[]) => Promise<Outcome[]>;
}

async function scene(): Promise<Scene> {
  const random = randomFrom(SEED);
  const images = await imagesFrom(random);
  const ana = { kind: 'basic', username: 'ana', password: 'a' } as const;
  const tokens = await Promise.all(
    [0, 1].map(() => stage.tokens({ accounts: [ana], faults: faults(random, REQUESTS.tokens) })),
  );
  const [source, target] = await Promise.all(
    tokens.map((bearer, side) =>
      stage.registry({
        auth: { bearer },
        faults: faults(random, REQUESTS.registry),
        images:
          side === 0
            ? images.map((image, number) => ({ repository: `app-${number}`, tag: 'v1', image }))
            : [],
      }),
    ),
  );
  if (source === undefined || target === undefined) throw new Error('Cannot test: wanted two registries');
  const client = { credentials: [ana] };
  const copier = copierOn(stage, { sourceClient: client, targetClient: client, concurrency: 16 });
  const tasks = images.map((_, number) => taskBetween(source, target, { path: `app-${number}`, tag: 'v1' }));
  return {
    target,
    images,
    tasks,
    copyAll: (wanted) => Promise.all(wanted.map((task) => copier.ensure(task, never))),
  };
}

describe(`chaos, seed ${SEED}`, () => {
  test('ends with the right digest or an error that says where, and leaves nothing behind', async () => {
    const { target, images, tasks, copyAll } = await scene();

    const outcomes = await copyAll(tasks);
    expect(outcomes.flatMap((outcome, number) => faultsOf(outcome, number))).toEqual([]);
    expect(outcomes.filter(({ state }) => state === 'copied').length).toBeGreaterThan(IMAGES / 2);
    expect(target.openUploads()).toBe(0);

    // Faults are counted by requests, and run out: then nothing that was learned on the way stands in the way.
    let failed = tasks.filter((_, number) => outcomes[number]?.state === 'failed');
    for (let round = 0; round < 50 && failed.length > 0; round++) {
      const again = await copyAll(failed);
      failed = failed.filter((_, number) => again[number]?.state === 'failed');
    }
    expect(failed).toEqual([]);
    expect(images.flatMap((image, number) => wrongIn(target, `backup/app-${number}`, image))).toEqual([]);
    expect(tasks.map((_, number) => target.tags(`backup/app-${number}`))).toEqual(tasks.map(() => ['v1']));
    expect([target.openUploads(), unhandled]).toEqual([0, []]);

    function faultsOf(outcome: Outcome, number: number): unknown[] {
      if (outcome.state === 'failed') return isNamed(outcome.error, number) ? [] : [outcome.error];
      const image = images[number];
      if (outcome.state === 'pending' || image === undefined) return [outcome];
      const wrong = wrongIn(target, `backup/app-${number}`, image);
      return outcome.digest === image.content.descriptor.digest && wrong.length === 0
        ? []
        : [{ number, outcome, wrong }];
    }
  }, 60_000);
});

/** Operation, side, and the content: by its digest, or by its name where no digest is known yet. */
function isNamed(error: Error, number: number): boolean {
  return (
    error instanceof CopyError &&
    error.operation !== '' &&
    /^(?:source|target) failed to /.test(error.message) &&
    (error.digest !== undefined || error.message.includes(`app-${number}`))
  );
}
