import * as fc from 'fast-check';
import jsonPatch from 'fast-json-patch';
import { describe, expect, it } from 'vitest';
import { pointerTo } from './pointer.ts';

describe('pointerTo', () => {
  it.each([
    [[], ''],
    [['spec', 'containers', '0'], '/spec/containers/0'],
    [[''], '/'],
    [['a/b'], '/a~1b'],
    [['a~b'], '/a~0b'],
    [['~1'], '/~01'],
    [['metadata', 'annotations', 'image-cloner.dev/x'], '/metadata/annotations/image-cloner.dev~1x'],
  ])('writes %j as %j', (path, pointer) => {
    expect(pointerTo(path)).toBe(pointer);
  });

  it('leads to the member of that name, whatever the name', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (outer, inner) => {
        fc.pre(outer !== '__proto__' && inner !== '__proto__');
        expect(
          jsonPatch.getValueByPointer({ [outer]: { [inner]: 'found' } }, pointerTo([outer, inner])),
        ).toBe('found');
      }),
    );
  });
});
