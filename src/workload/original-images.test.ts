import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containers, deployment } from '../../test/workloads.ts';
import { findImages } from './images.ts';
import { annotationsOf, ORIGINAL_IMAGES, originalImages } from './original-images.ts';

/** Copies in these tests are called like their source, with `copy/` before it. */
function isCopyOf(source: string, image: string): boolean {
  return image === `copy/${source}`;
}

/** The annotation after the containers of these names were given copies. */
function annotate(object: unknown, ...names: readonly string[]): unknown {
  const replaced = findImages(object).filter((use) => names.includes(use.name));
  const text = originalImages(object, replaced, isCopyOf);
  return text === undefined ? undefined : JSON.parse(text);
}

function withOriginals(spec: unknown, value: unknown): Record<string, unknown> {
  return deployment(spec, { annotations: { [ORIGINAL_IMAGES]: value } });
}

function filled(filler: string): Record<string, unknown> {
  return deployment(containers('nginx'), { annotations: { filler } });
}

describe('originalImages', () => {
  it('names what is replaced, as the user wrote it', () => {
    expect(annotate(deployment(containers('nginx', 'redis:7')), 'c0')).toEqual({ c0: 'nginx' });
  });

  it('keeps what it said before of containers that still run that copy', () => {
    const object = withOriginals(containers('nginx:2', 'copy/redis:7'), '{"c0":"nginx:1","c1":"redis:7"}');
    expect(annotate(object, 'c0')).toEqual({ c0: 'nginx:2', c1: 'redis:7' });
  });

  it('drops what is not proved by the image: another one, or a container that is gone', () => {
    const object = withOriginals(
      containers('nginx:2', 'other:1'),
      '{"c1":"redis:7","gone":"x","c0":"evil.example.com/nginx"}',
    );
    expect(annotate(object, 'c0')).toEqual({ c0: 'nginx:2' });
  });

  it('gives the same text for the same images, in whatever order it said them before', () => {
    const spec = containers('a', 'copy/b', 'copy/c');
    const [one, other] = ['{"c1":"b","c2":"c"}', '{"c2":"c","c0":"x","c1":"b"}'].map((value) => {
      const object = withOriginals(spec, value);
      return originalImages(object, findImages(object).slice(0, 1), isCopyOf);
    });
    expect(one).toBe('{"c0":"a","c1":"b","c2":"c"}');
    expect(other).toBe(one);
  });

  it.each([
    '',
    'no JSON',
    '[]',
    'null',
    '5',
    '"c1"',
    '{"c1":5}',
    '{"c1":{"c1":"redis:7"}}',
    '{"c1":"redis:7"',
    5,
    null,
    {},
  ])('starts anew over %j', (value) => {
    expect(annotate(withOriginals(containers('nginx', 'copy/redis:7'), value), 'c0')).toEqual({
      c0: 'nginx',
    });
  });

  it('keeps a volume apart from a container of the same name', () => {
    const spec = {
      containers: [{ name: 'x', image: 'a' }],
      volumes: [{ name: 'x', image: { reference: 'b' } }],
    };
    expect(annotate(deployment(spec), 'x')).toEqual({ x: 'a', 'volume/x': 'b' });
  });

  it.each(['__proto__', 'constructor', 'toString', '', ' ', 'a/b', 'a~b', '"', '\u0000'])(
    'writes a container called %j like any other',
    (name) => {
      const object = deployment({ containers: [{ name, image: 'a' }] });
      const text = originalImages(object, findImages(object), isCopyOf);
      expect(text).toBe(`{${JSON.stringify(name)}:"a"}`);
    },
  );

  it('is left out where all annotations together would grow over what the API server takes', () => {
    const room = 256 * 1024 - 'filler'.length - ORIGINAL_IMAGES.length - '{"c0":"nginx"}'.length;
    expect(annotate(filled('x'.repeat(room)), 'c0')).toEqual({ c0: 'nginx' });
    expect(annotate(filled('x'.repeat(room + 1)), 'c0')).toBeUndefined();
    // A character can be more than one byte.
    expect(annotate(filled('€'.repeat(room / 2)), 'c0')).toBeUndefined();
  });

  it('does not count its own former value twice', () => {
    const object = withOriginals(containers('nginx'), `{"c0":"${'x'.repeat(200 * 1024)}"}`);
    expect(annotate(object, 'c0')).toEqual({ c0: 'nginx' });
  });

  it('reads whatever stands in the annotation without throwing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, text) => {
        for (const before of [value, text, JSON.stringify(value)]) {
          expect(annotate(withOriginals(containers('nginx'), before), 'c0')).toEqual({ c0: 'nginx' });
        }
      }),
    );
  });
});

describe('annotationsOf', () => {
  it.each([
    undefined,
    null,
    5,
    {},
    { metadata: null },
    { metadata: {} },
    { metadata: { annotations: null } },
    { metadata: { annotations: [] } },
  ])('of %j are none', (object) => {
    expect(annotationsOf(object)).toBeUndefined();
  });

  it('are those of the object', () => {
    expect(annotationsOf({ metadata: { annotations: { a: 'b' } } })).toEqual({ a: 'b' });
  });
});
