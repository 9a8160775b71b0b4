import { describe, expect, test } from 'vitest';
import type { Answer } from '../../test/fakes/answer.ts';
import { messages, startEngine } from '../../test/fakes/docker-engine.ts';
import type { Fault } from '../../test/fakes/fault.ts';
import { parseReference } from '../image/reference.ts';
import { EngineSocket } from './engine-socket.ts';
import { pull } from './pull.ts';
import { push } from './push.ts';
import type { TransferOptions, TransferProgress } from './transfer.ts';

const { signal } = new AbortController();
const ID = `sha256:${'1'.repeat(64)}`;
const SOURCE = 'registry.test/app:1';
const BACKUP = parseReference('backup.test/app');
const IMAGE = { id: ID, names: [SOURCE] };

/** What becomes of a pull or a push that the daemon answers so. */
type Transfer = (own: Answer, options?: TransferOptions, fault?: Partial<Fault>) => Promise<void>;

async function pulled(own: Answer, options: TransferOptions = {}, fault: Partial<Fault> = {}): Promise<void> {
  const { socket } = await startEngine({ faults: [{ path: /\/create/, answer: own, ...fault }] });
  await pull(new EngineSocket({ path: socket }), parseReference(SOURCE), options, signal);
}

async function pushed(own: Answer, options: TransferOptions = {}, fault: Partial<Fault> = {}): Promise<void> {
  const engine = await startEngine({
    images: [{ ...IMAGE }],
    faults: [{ path: /\/push/, answer: own, ...fault }],
  });
  const task = { image: SOURCE, backup: BACKUP, tag: 'kept', options, signal };
  try {
    await push({ socket: new EngineSocket({ path: engine.socket }), ...task, onLeftBehind: () => undefined });
  } finally {
    // Whatever became of it.
    expect(engine.names()).toEqual([SOURCE]);
  }
}

const BEGUN = { status: 'Pulling from app', id: '1' };
const PULLED = { status: `Status: Downloaded newer image for ${SOURCE}` };
const PUSHED = { status: `kept: digest: ${ID} size: 732` };

describe.each<[string, Transfer, object]>([
  ['a pull', pulled, PULLED],
  ['a push', pushed, PUSHED],
])('%s', (_which, transfer, done) => {
  test('is done when the daemon says so', async () => {
    await expect(transfer(messages(BEGUN, done))).resolves.toBeUndefined();
  });

  test('may say more after that', async () => {
    await expect(transfer(messages(done, { aux: { Tag: '1' } }))).resolves.toBeUndefined();
  });

  test.each<[string, Answer]>([
    ['nothing', messages()],
    ['the beginning alone', messages(BEGUN, { status: 'Pushed', id: '2c5ba97cb2d3' })],
    ['a digest alone', messages(BEGUN, { status: `Digest: ${ID}` })],
  ])('of which the daemon says %s is not done', async (_what, own) => {
    await expect(transfer(own)).rejects.toMatchObject({
      code: 'INTERRUPTED',
      retriable: true,
      message: /the daemon ended its answer before it was done$/,
    });
  });

  test('that fails under way fails, whatever was said before', async () => {
    const own = messages(BEGUN, done, {
      errorDetail: { message: 'unauthorized: x' },
      error: 'unauthorized: x',
    });
    await expect(transfer(own)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      message: /: unauthorized: x$/,
    });
  });

  test('that is cut under way fails, even after its last words', async () => {
    const own = messages(BEGUN, done, BEGUN);
    const fault = { cutAfterResponseBytes: own.body.length - 5 };
    await expect(transfer(own, {}, fault)).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  test('with a line that is no JSON fails', async () => {
    const own = messages(BEGUN, done);
    const spoiled = { ...own, body: Buffer.concat([Buffer.from('oh\n'), own.body]) };
    await expect(transfer(spoiled)).rejects.toMatchObject({ code: 'PROTOCOL' });
  });

  test('tells of layers, and of nothing else', async () => {
    const progress: TransferProgress[] = [];
    const own = messages(
      BEGUN,
      { status: 'Downloading', progressDetail: { current: 7 }, id: '2c5ba97cb2d3' },
      { status: 'Pull complete', progressDetail: {}, id: '2c5ba97cb2d3' },
      { status: 'Digest: x', id: '2C5BA97CB2D3' },
      done,
    );
    await transfer(own, { onProgress: (one) => void progress.push(one) });
    expect(progress).toEqual([
      { layer: '2c5ba97cb2d3', status: 'Downloading', bytes: 7 },
      { layer: '2c5ba97cb2d3', status: 'Pull complete' },
    ]);
  });
});

describe('the last words of a pull', () => {
  test.each([
    'Status: Downloaded newer image for registry.test/app:1',
    'Status: Image is up to date for registry.test/app:1',
    `Status: Downloaded newer image for registry.test/app@${ID}`,
  ])('%s', async (status) => {
    await expect(pulled(messages({ status }))).resolves.toBeUndefined();
  });

  test.each([
    'Status: Something else for registry.test/app:1',
    'Pulled',
    ': Status: Image is up to date for x',
  ])('are not %s', async (status) => {
    await expect(pulled(messages({ status }))).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});
