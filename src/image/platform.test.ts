import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPlatform, InvalidPlatformError, parsePlatform, platformMatches } from './platform.ts';

const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
const platforms = fc.oneof(
  fc.record({ os: word, architecture: word }),
  fc.record({ os: word, architecture: word, variant: word }),
);

describe('parsePlatform', () => {
  it.each([
    ['linux/amd64', { os: 'linux', architecture: 'amd64' }],
    ['linux/arm64/v8', { os: 'linux', architecture: 'arm64', variant: 'v8' }],
    ['windows/amd64', { os: 'windows', architecture: 'amd64' }],
  ])('reads %s', (text, platform) => {
    expect(parsePlatform(text)).toEqual(platform);
  });

  it('reads back what formatPlatform writes', () => {
    fc.assert(
      fc.property(platforms, (platform) => {
        expect(parsePlatform(formatPlatform(platform))).toEqual(platform);
      }),
    );
  });

  it.each(['', 'linux', 'linux/', '/amd64', '/', 'linux//v8', 'linux/arm/', 'linux/arm/v7/more'])(
    'refuses %j',
    (text) => {
      expect(() => parsePlatform(text)).toThrow(InvalidPlatformError);
      expect(() => parsePlatform(text)).toThrow(`Cannot read platform ${JSON.stringify(text)}`);
    },
  );
});

describe('platformMatches', () => {
  it.each([
    ['linux/arm', 'linux/arm/v7', true],
    ['linux/arm', 'linux/arm', true],
    ['linux/arm/v7', 'linux/arm/v7', true],
    ['linux/arm/v7', 'linux/arm/v6', false],
    ['linux/arm/v7', 'linux/arm', false],
    ['linux/arm', 'linux/arm64', false],
    ['linux/amd64', 'windows/amd64', false],
  ])('wanted %s, offered %s: %s', (wanted, offered, expected) => {
    expect(platformMatches(parsePlatform(wanted), parsePlatform(offered))).toBe(expected);
  });

  it('takes every platform for itself', () => {
    fc.assert(
      fc.property(platforms, (platform) => {
        expect(platformMatches(platform, platform)).toBe(true);
      }),
    );
  });
});
