import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { never } from '../../test/fakes/stage.ts';
import { digestOf } from '../image/digest.ts';
import { RecentMap } from './recent-map.ts';
import { SourceForTenant } from './source-for-tenant.ts';
import type { ManifestContent, Source } from './target.ts';
import type { Tenant } from './tenant.ts';

const bytes = Buffer.from('{}');
const content: ManifestContent = {
  descriptor: { mediaType: 'application/json', digest: digestOf(bytes), size: 2 },
  bytes,
};

class Refused extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`Cannot read manifest: ${code}`);
    this.code = code;
  }
}

/** Gives everything, or refuses it with a code; counts what it is asked. */
class Shelf implements Source {
  asked = 0;
  code: string | undefined;

  constructor(code?: string) {
    this.code = code;
  }

  async #answer<T>(value: T): Promise<T> {
    this.asked += 1;
    if (this.code !== undefined) throw new Refused(this.code);
    return value;
  }

  resolve(): Promise<ManifestContent['descriptor']> {
    return this.#answer(content.descriptor);
  }

  fetchReference(): Promise<ManifestContent> {
    return this.#answer(content);
  }

  fetch(): Promise<Readable> {
    return this.#answer(Readable.from([bytes]));
  }

  predecessors(): Promise<readonly never[]> {
    return this.#answer([]);
  }
}

interface Stand {
  readonly source: SourceForTenant;
  readonly shelves: readonly Shelf[];
  /** The same once more, as the next copy has it. */
  readonly again: (repository?: string, name?: string) => SourceForTenant;
}

/** One shelf for each credential, with what it refuses with. */
function stand(codes: readonly (string | undefined)[], everybody?: Shelf): Stand {
  const shelves = codes.map((code) => new Shelf(code));
  const refusals = new RecentMap<unknown>(60_000);
  function again(repository = 'r/app', name = 'a'): SourceForTenant {
    const tenant: Tenant = {
      name,
      key: name,
      sources: async () => {
        if (shelves.length === 0) throw new Refused('NO_CREDENTIALS');
        return shelves.map((source, index) => ({ identity: String(index), source }));
      },
    };
    const before = everybody === undefined ? { refusal: new Refused('UNAUTHORIZED') } : { source: everybody };
    return new SourceForTenant({ tenant, repository, refusals, everybody: before });
  }
  return { source: again(), shelves, again };
}

function asked({ shelves }: Stand): readonly number[] {
  return shelves.map((shelf) => shelf.asked);
}

describe('the credentials of a tenant', () => {
  test.each(['UNAUTHORIZED', 'DENIED', 'NOT_FOUND'])(
    'are tried in turn: the next one after %s',
    async (code) => {
      const one = stand([code, code, undefined, undefined]);
      expect(await one.source.fetchReference('v1', never)).toBe(content);
      expect(asked(one)).toEqual([1, 1, 1, 0]);
    },
  );

  test('read everything with the one that was let in', async () => {
    const one = stand(['DENIED', undefined]);
    await one.source.resolve('v1', never);
    await one.source.fetchReference('v1', never);
    await one.source.fetch(content.descriptor, never);
    await one.source.predecessors(content.descriptor, never);
    expect(asked(one)).toEqual([1, 4]);
  });

  test.each(['UNREACHABLE', 'UNAVAILABLE', 'RATE_LIMITED', 'TIMEOUT'])(
    'are not tried on after %s, which is about no credential',
    async (code) => {
      const one = stand([code, undefined]);
      await expect(one.source.fetchReference('v1', never)).rejects.toMatchObject({ code });
      expect(asked(one)).toEqual([1, 0]);
    },
  );

  test('that are all refused fail with the last refusal', async () => {
    const one = stand(['UNAUTHORIZED', 'DENIED']);
    await expect(one.source.fetchReference('v1', never)).rejects.toMatchObject({ code: 'DENIED' });
  });
});

describe('a refusal', () => {
  test.each(['UNAUTHORIZED', 'DENIED'])(
    'by %s is remembered, for that tenant and repository',
    async (code) => {
      const one = stand([code]);
      await expect(one.source.fetchReference('v1', never)).rejects.toMatchObject({ code });
      await expect(one.again().fetchReference('v2', never)).rejects.toMatchObject({ code });
      expect(asked(one)).toEqual([1]);
      for (const other of [one.again('r/other'), one.again('r/app', 'b')])
        await expect(other.fetchReference('v1', never)).rejects.toMatchObject({ code });
      expect(asked(one)).toEqual([3]);
    },
  );

  test('by NOT_FOUND is not', async () => {
    const one = stand(['NOT_FOUND']);
    for (const source of [one.source, one.again()])
      await expect(source.fetchReference('v1', never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(asked(one)).toEqual([2]);
  });
});

describe('where a copy is for everybody', () => {
  test('nobody shows a credential for what everybody is given', async () => {
    const everybody = new Shelf();
    const one = stand([undefined], everybody);
    expect(await one.source.fetchReference('v1', never)).toBe(content);
    expect([everybody.asked, asked(one)]).toEqual([1, [0]]);
  });

  test('everybody is asked first, then the tenant', async () => {
    const everybody = new Shelf('DENIED');
    const one = stand([undefined], everybody);
    expect(await one.source.fetchReference('v1', never)).toBe(content);
    expect([everybody.asked, asked(one)]).toEqual([1, [1]]);
  });

  test('a source that is gone is not asked again with credentials', async () => {
    const one = stand([undefined], new Shelf('UNREACHABLE'));
    await expect(one.source.fetchReference('v1', never)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(asked(one)).toEqual([0]);
  });

  test.each([
    ['NOT_FOUND', 'NOT_FOUND'],
    ['UNAUTHORIZED', 'NO_CREDENTIALS'],
    ['DENIED', 'NO_CREDENTIALS'],
  ])('who has no credential is told, of %s, %s', async (said, code) => {
    await expect(stand([], new Shelf(said)).source.fetchReference('v1', never)).rejects.toMatchObject({
      code,
    });
  });
});
