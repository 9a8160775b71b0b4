import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ImageMap } from './image-map.ts';
import { readSwapFile } from './swap-lines.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

const FILE = `
# where images of our shop go
default::mirror.example.com
docker.io::hub.example.com/proxy-
docker.io/library::hub.example.com/official
quay.io::quay.example.com/
ghcr.io::registry.example.com/ghcr   # with a path
gone.io::
#gcr.io::never.example.com
old.io:new.io
plain.example.org::ported.example.org:5000/in
ported.example.net:8443::plain.example.net
[EXACT]ghcr.io/shop/web:v1::registry.example.com/patched/web:v1-1
[EXACT]redis::redis
[REPLACE]*/nvidia:k8s-??::gpu.example.com/base/
[REPLACE]tool-[a-c]::tools.example.com
[REPLACE]kept-*::
noswap_wildcards::internal.org, lab
`;

function mapOf(text: string): ImageMap {
  const read = readSwapFile(text);
  if (!read.ok) throw new Error(JSON.stringify(read.faults));
  return read.map;
}

function faultsOf(text: string): readonly string[] {
  const read = readSwapFile(text);
  return read.ok ? [] : read.faults.map(({ at, what }) => `${at}: ${what}`);
}

describe('an ImageSwap map', () => {
  it.each<[string, string, string | undefined]>([
    ['an official image goes where the line for libraries says', 'nginx', 'hub.example.com/official/nginx'],
    ['with its tag', 'nginx:1.25-alpine', 'hub.example.com/official/nginx:1.25-alpine'],
    ['behind "-" stands the whole name', 'team/app:1', 'hub.example.com/proxy-docker.io/team/app:1'],
    [
      'written out it is no library to ImageSwap',
      'docker.io/library/nginx:1',
      'hub.example.com/proxy-docker.io/library/nginx:1',
    ],
    ['with its digest', `team/app@${DIGEST}`, `hub.example.com/proxy-docker.io/team/app@${DIGEST}`],
    ['a slash at the end means nothing', 'quay.io/team/app:1', 'quay.example.com/team/app:1'],
    ['a path is kept', 'ghcr.io/team/deep/app:1', 'registry.example.com/ghcr/team/deep/app:1'],
    ['nothing behind "::" keeps the images', 'gone.io/a/b:1', undefined],
    ['a comment is no line', 'gcr.io/a/b:1', 'mirror.example.com/a/b:1'],
    ['one colon is enough where nothing has a port', 'old.io/a/b:1', 'new.io/a/b:1'],
    ['the target may have a port', 'plain.example.org/a:1', 'ported.example.org:5000/in/a:1'],
    ['and so may the registry', 'ported.example.net:8443/a/b:1', 'plain.example.net/a/b:1'],
    ['a line without the port holds for all, and keeps it', 'old.io:443/a/b:1', 'new.io:443/a/b:1'],
    ['but not behind a path', 'ghcr.io:443/a/b:1', 'registry.example.com/ghcr/a/b:1'],
    ['the default loses the port', 'gcr.io:443/a/b:1', 'mirror.example.com/a/b:1'],
    ['localhost is a registry', 'localhost:5000/a:1', 'mirror.example.com/a:1'],
    ['an exact image', 'ghcr.io/shop/web:v1', 'registry.example.com/patched/web:v1-1'],
    ['an image that only begins like it', 'ghcr.io/shop/web:v1.1', 'registry.example.com/ghcr/shop/web:v1.1'],
    ['an exact image may stay what it is', 'redis', undefined],
    ['of which another tag does not', 'redis:7', 'hub.example.com/official/redis:7'],
    ['a pattern goes over slashes', 'nvcr.io/a/nvidia:k8s-v1', 'gpu.example.com/base/nvidia:k8s-v1'],
    ['and matches as a whole', 'nvcr.io/a/nvidia:k8s-v12', 'mirror.example.com/a/nvidia:k8s-v12'],
    ['a class of characters', 'tool-b', 'tools.example.com/tool-b'],
    ['which others are not in', 'tool-d', 'hub.example.com/official/tool-d'],
    ['a pattern that leads nowhere', 'kept-image', undefined],
    ['a word keeps the images of registries without a line', 'harbor.internal.org/a:1', undefined],
    ['wherever it stands', 'gcr.io/team/lab-tool:1', undefined],
    ['but not those of registries with one', 'quay.io/team/lab-tool:1', 'quay.example.com/team/lab-tool:1'],
  ])('%s: %s', (_what, image, expected) => {
    expect(mapOf(FILE).targetOf(image)).toBe(expected);
  });

  it('that only has a default leads all there', () => {
    const { targetOf } = mapOf('default::mirror.example.com');
    expect(['nginx', 'team/app:1', 'quay.io/a/b:1'].map(targetOf)).toEqual([
      'mirror.example.com/nginx',
      'mirror.example.com/team/app:1',
      'mirror.example.com/a/b:1',
    ]);
  });

  it('whose default is nothing leads only what has a line', () => {
    const { targetOf } = mapOf('default:\ngcr.io::harbor.example.com');
    expect(['nginx', 'quay.io/a:1', 'gcr.io/a/b:1'].map(targetOf)).toEqual([
      undefined,
      undefined,
      'harbor.example.com/a/b:1',
    ]);
  });

  it('puts a "-" default before registry and name, each once', () => {
    const { targetOf } = mapOf('default::mirror.example.com/all-');
    expect(['nginx:1', 'gcr.io:443/a/b:1'].map(targetOf)).toEqual([
      'mirror.example.com/all-docker.io/nginx:1',
      'mirror.example.com/all-gcr.io/a/b:1',
    ]);
  });

  it.each([
    ['mirror.example.com/nginx', true],
    ['hub.example.com/proxy-docker.io/team/app:1', true],
    ['registry.example.com/ghcr/a:1', true],
    ['registry.example.com/patched/web:v1-1', true],
    ['gpu.example.com/base/nvidia:k8s-v1', true],
    ['registry.example.com/ghcr-other/a:1', false],
    ['registry.example.com/patched/web:v2', false],
    ['mirror.example.com.evil.example/nginx', false],
    ['nginx', false],
  ])('knows whether %s is where it leads: %s', (image, expected) => {
    expect(mapOf(FILE).isTarget(image)).toBe(expected);
  });

  it('leads nothing on that it has led somewhere', () => {
    const map = mapOf(FILE);
    const host = fc.constantFrom(
      '',
      'docker.io/',
      'quay.io/',
      'ghcr.io/',
      'old.io/',
      'a.io:1/',
      'localhost:1/',
    );
    const path = fc.constantFrom('a', 'a/b', 'a/b/c:1', 'tool-a', `x@${DIGEST}`);
    fc.assert(
      fc.property(host, path, (registry, name) => {
        const target = map.targetOf(registry + name);
        expect(target === undefined || map.isTarget(target)).toBe(true);
      }),
    );
  });
});

describe('an ImageSwap map is refused', () => {
  it.each<[string, readonly string[]]>([
    ['', ['default: got nothing, wanted "default::" with the registry for all others, or with nothing']],
    [
      'default::\nquay.io;other.example.com',
      [
        'line 2: got "quay.io;other.example.com", wanted "key::value", with "::" where a port or a tag has a ":"',
      ],
    ],
    [
      'default::\na.example.com:8443:b.example.com',
      [
        'line 2: got "a.example.com:8443:b.example.com", wanted "key::value", with "::" where a port or a tag has a ":"',
      ],
    ],
    ['default::\n::b.example.com', [expect.stringContaining('line 2: got "::b.example.com"')]],
    ['default::\n[EXACT]::b.example.com', [expect.stringContaining('line 2: got "[EXACT]::')]],
    ['default::A_B.example.com', ['line 1: got "A_B.example.com", wanted a registry with an optional path']],
    [
      'default::https://b.example.com',
      [expect.stringContaining('line 1: got "https://b.example.com", wanted')],
    ],
    ['default::\n[EXACT]a::b c::d', [expect.stringContaining('line 2: ')]],
    ['default::\n[EXACT]a::B', ['line 2: got "B", wanted an image']],
    [
      'default::\nquay.io::a.example.com\nquay.io::b.example.com',
      ['line 3: got quay.io again, which line 2 maps'],
    ],
  ])('%j', (text, expected) => {
    expect(faultsOf(text)).toEqual(expected);
  });

  it('not for a line that is there twice, nor for Windows line ends', () => {
    expect(faultsOf('default::\r\nquay.io::a.example.com\r\nquay.io::a.example.com\r\n')).toEqual([]);
  });
});
