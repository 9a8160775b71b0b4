import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { references } from '../../test/arbitraries/reference.ts';
import {
  familiarReference,
  formatReference,
  LONGEST_NAME,
  parseReference,
  type Reference,
  readReference,
  repositoryOf,
} from '../image/reference.ts';
import { hostComponent } from './host-component.ts';
import { backupOf, isCopyOf, type Naming, ownBackupOf } from './naming.ts';
import { checkRoomForOwners, ownerOf } from './owner.ts';
import { parsePrefix } from './prefix.ts';

const KEEP_HOST: Naming = {
  prefix: parsePrefix('registry.example.com/backup', undefined),
  scheme: 'keep-host',
};
const FLAT: Naming = { prefix: parsePrefix('docker.io/quickdevnotes', undefined), scheme: 'flat' };
const BARE: Naming = { prefix: parsePrefix('localhost:5000', undefined), scheme: 'keep-host' };
/** As long as a prefix may be. */
const LONG: Naming = { prefix: parsePrefix(`a.b/${'c'.repeat(115)}`, undefined), scheme: 'keep-host' };
const NAMINGS = [KEEP_HOST, FLAT, BARE, LONG, { ...LONG, scheme: 'flat' } as const];

const namings = fc.constantFrom(...NAMINGS);
const namespaces = fc.oneof(
  fc.constantFrom('a', 'b', 'team-a', 'team', 'a-b', 'ns', 'docker', '0', 'x'.repeat(63), 'y--z'),
  fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?$/),
);

function own(source: Reference, namespace: string, naming: Naming): Reference {
  const copy = ownBackupOf(source, namespace, naming);
  if (copy === undefined) throw new Error(`Wanted a copy of ${namespace}`);
  return copy;
}

/** As for everybody's copies: two spellings of one IPv6 address are one registry. */
function identity(reference: Reference): string {
  return formatReference({ ...reference, host: hostComponent(reference.host) });
}

describe('the name of a namespace’s own copy', () => {
  it.each([
    ['quay.io/team/app:1', KEEP_HOST, 'registry.example.com/backup/ns/team-a/quay.io/team/app:1'],
    ['localhost:5000/app:1', BARE, 'localhost:5000/ns/team-a/localhost_5000/app:1'],
    ['alpine:3.12', FLAT, 'quickdevnotes/ns__team-a__alpine:3.12'],
    ['bitnami/redis:7', FLAT, 'quickdevnotes/ns__team-a__bitnami-redis-4f9d345bdf:7'],
  ])('of %s is %s', (image, naming, name) => {
    expect(familiarReference(own(parseReference(image), 'team-a', naming))).toBe(name);
  });

  it('can be read, keeps tag and digest, and says whose it is, however long it is', () => {
    fc.assert(
      fc.property(references, namespaces, namings, (source, namespace, naming) => {
        const copy = own(source, namespace, naming);
        expect(parseReference(familiarReference(copy))).toEqual(copy);
        expect(repositoryOf(copy).length).toBeLessThanOrEqual(LONGEST_NAME);
        expect([copy.tag, copy.digest]).toEqual([source.tag, source.digest]);
        expect(ownerOf(copy, naming.prefix)).toBe(namespace);
      }),
    );
  });

  it('is never that of another source or another namespace', () => {
    const asked = fc.uniqueArray(fc.tuple(references, namespaces), {
      selector: ([source, namespace]) => `${namespace} ${identity(source)}`,
      minLength: 2,
    });
    fc.assert(
      fc.property(asked, namings, (all, naming) => {
        const copies = all.map(([source, namespace]) => formatReference(own(source, namespace, naming)));
        expect(new Set(copies).size).toBe(all.length);
      }),
    );
  });

  it('is never that of everybody’s copy, not even of a source that is called after it', () => {
    fc.assert(
      fc.property(references, references, namespaces, namings, (source, other, namespace, naming) => {
        const copy = own(source, namespace, naming);
        for (const attempt of [source, other, ...forgeries(copy, naming)]) {
          const name = backupOf(attempt, naming);
          expect(repositoryOf(name)).not.toBe(repositoryOf(copy));
          expect(ownerOf(name, naming.prefix)).toBeUndefined();
        }
      }),
    );
  });

  it.each(['NS/team-a/quay.io/team/app:1', 'NS/team-a/app', 'library/ns__team-a__alpine:1', 'ns__a__b'])(
    'is not made by the source %s',
    (image) => {
      for (const naming of NAMINGS)
        expect(ownerOf(backupOf(parseReference(image), naming), naming.prefix)).toBeUndefined();
    },
  );

  it.each(['', 'A', 'a/b', 'a.b', 'a_b', '-a', 'a-', '..', 'ä', 'a\n', 'x'.repeat(64)])(
    'is not made for %j, which is no namespace',
    (namespace) => {
      expect(ownBackupOf(parseReference('alpine:1'), namespace, KEEP_HOST)).toBeUndefined();
    },
  );
});

/** Sources that somebody could name who knows what a copy is called. */
function forgeries(copy: Reference, { prefix }: Naming): readonly Reference[] {
  const name = prefix.path === '' ? copy.path : copy.path.slice(prefix.path.length + 1);
  const [first = '', ...rest] = name.split('/');
  return [
    `docker.io/library/${name}`,
    `docker.io/${name}`,
    `${first.toUpperCase()}/${rest.join('/')}`,
    `${first}.example.com/${rest.join('/')}`,
    `localhost/${name}`,
  ].flatMap((text) => readReference(`${text}:${copy.tag ?? 'latest'}`) ?? []);
}

describe('ownerOf', () => {
  it.each([
    ['registry.example.com/backup/ns/a/quay.io/x', 'a'],
    ['registry.example.com/backup/ns__a__alpine', 'a'],
    ['registry.example.com/backup/ns/a', undefined],
    ['registry.example.com/backup/ns__a', undefined],
    ['registry.example.com/backup/nsa/b/c', undefined],
    ['registry.example.com/backups/ns/a/b', undefined],
    ['registry.example.com/ns/a/b', undefined],
    ['other.example.com/backup/ns/a/b', undefined],
    ['registry.example.com/backup/docker.io/ns/a/b', undefined],
  ])('of %s is %s', (image, owner) => {
    expect(ownerOf(parseReference(image), KEEP_HOST.prefix)).toBe(owner);
  });
});

describe('isCopyOf', () => {
  it('takes everybody’s copy and the namespace’s own, and nobody else’s', () => {
    const source = parseReference('quay.io/x:1');
    const mine = familiarReference(own(source, 'team-a', KEEP_HOST));
    expect(isCopyOf('quay.io/x:1', mine, KEEP_HOST, 'team-a')).toBe(true);
    expect(isCopyOf('quay.io/x:1', mine, KEEP_HOST, 'team-b')).toBe(false);
    expect(isCopyOf('quay.io/x:1', mine, KEEP_HOST)).toBe(false);
    expect(isCopyOf('quay.io/x:1', familiarReference(backupOf(source, KEEP_HOST)), KEEP_HOST, 'team-a')).toBe(
      true,
    );
  });
});

describe('a prefix', () => {
  it('leaves room for the longest namespace and a hash', () => {
    expect(() => checkRoomForOwners(LONG.prefix)).not.toThrow();
    const longer = parsePrefix(`a.b/${'c'.repeat(116)}`, undefined);
    expect(() => checkRoomForOwners(longer)).toThrow(
      'Cannot choose the backup registry: wanted at most 119 characters',
    );
  });
});
