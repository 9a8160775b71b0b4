import { assert, property, stringMatching } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidPlaceError, readLayoutName } from './place-name.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

describe('the name of a layout', () => {
  test.each([
    ['oci:dir', 'dir', undefined],
    ['oci:dir:1.2', 'dir', '1.2'],
    ['oci:/a/b c:v1_x-y', '/a/b c', 'v1_x-y'],
    ['oci:./user@host/dir:1', './user@host/dir', '1'],
    [`oci:dir@${DIGEST}`, 'dir', DIGEST],
    [`oci:dir:1@${DIGEST}`, 'dir', DIGEST],
    ['oci:5000/app:1', '5000/app', '1'],
  ])('%s is read', (text, directory, identifier) => {
    expect(readLayoutName(text)).toEqual({ directory, identifier });
  });

  test.each(['alpine', 'oci', 'oci/app:1', 'OCI:dir', 'registry.example.com/oci:1'])(
    '%s is a reference',
    (text) => {
      expect(readLayoutName(text)).toBeUndefined();
    },
  );

  test.each([
    'oci:',
    'oci::1',
    'oci:a:',
    'oci:a:b:c',
    'oci:a:-x',
    'oci:a@sha256:ab',
    `oci:a:${'x'.repeat(129)}`,
  ])('%s is refused', (text) => {
    expect(() => readLayoutName(text)).toThrow(InvalidPlaceError);
  });

  test('keeps every folder and tag apart', () => {
    const directory = stringMatching(/^[^:@\n\r\u2028\u2029]+$/);
    const tag = stringMatching(/^\w[\w.-]{0,127}$/);
    assert(
      property(directory, tag, (folder, name) => {
        expect(readLayoutName(`oci:${folder}:${name}`)).toEqual({ directory: folder, identifier: name });
      }),
    );
  });
});
