import * as fc from 'fast-check';
import type { Digest } from '../../src/image/digest.ts';
import { DOCKER_HUB, LONGEST_NAME, type Reference } from '../../src/image/reference.ts';

const ALPHANUMERIC = 'abcdefghijklmnopqrstuvwxyz0123456789'.split('');
const HEX = '0123456789abcdef'.split('');
const SEPARATORS = ['.', '_', '__', '-', '--', '---'];

function textOf(characters: readonly string[], minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...characters), { minLength, maxLength }).map((parts) => parts.join(''));
}

/** Words joined by separators, as a component of a repository path. */
const component = fc
  .tuple(
    textOf(ALPHANUMERIC, 1, 8),
    fc.array(fc.tuple(fc.constantFrom(...SEPARATORS), textOf(ALPHANUMERIC, 1, 8)), { maxLength: 3 }),
  )
  .map(([first, rest]) => first + rest.map((parts) => parts.join('')).join(''));

const path = fc
  .oneof(
    { weight: 5, arbitrary: fc.array(component, { minLength: 1, maxLength: 4 }) },
    { weight: 1, arbitrary: fc.array(component, { minLength: 8, maxLength: 24 }) },
  )
  .map((components) => components.join('/'));

const domain = fc
  .array(textOf([...ALPHANUMERIC, '-'], 1, 6), { minLength: 2, maxLength: 4 })
  .map((labels) => labels.map((label) => label.replaceAll(/^-|-$/g, 'x')).join('.'));
const ipv6 = fc.ipV6().filter((address) => !address.includes('.'));
const port = fc.option(fc.integer({ min: 1, max: 65_535 }));

const host = fc
  .tuple(
    fc.oneof(
      domain,
      fc.ipV4(),
      fc.constant('localhost'),
      ipv6.map((address) => `[${address}]`),
    ),
    port,
  )
  .map(([name, number]) => (number === null ? name : `${name}:${number}`));

const tag = textOf([...ALPHANUMERIC, 'A', 'Z', '_'], 1, 20);

export const digests: fc.Arbitrary<Digest> = fc.oneof(
  textOf(HEX, 64, 64).map((hex): Digest => `sha256:${hex}`),
  textOf(HEX, 96, 96).map((hex): Digest => `sha384:${hex}`),
  textOf(HEX, 128, 128).map((hex): Digest => `sha512:${hex}`),
);

const repository = fc
  .oneof(
    fc.record({ host, path }),
    path.map((name) => ({ host: DOCKER_HUB, path: name.includes('/') ? name : `library/${name}` })),
  )
  .filter((name) => name.host.length + 1 + name.path.length <= LONGEST_NAME);

/** Normalised references of every shape that the grammar knows. */
export const references: fc.Arbitrary<Reference> = fc
  .tuple(
    repository,
    fc.oneof(fc.record({ tag }), fc.record({ digest: digests }), fc.record({ tag, digest: digests })),
  )
  .map(([name, version]) => ({ ...name, ...version }));
