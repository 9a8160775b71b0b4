import * as fc from 'fast-check';
import jsonPatch from 'fast-json-patch';
import { describe, expect, it } from 'vitest';
import { cronJob, deployment, pod } from '../../test/workloads.ts';
import { findImages } from './images.ts';
import { EVERY } from './json-path.ts';
import { BUILT_IN_KINDS } from './kinds.ts';

describe('findImages', () => {
  it('finds containers, init containers, ephemeral containers and image volumes, each with its place', () => {
    const spec = {
      containers: [
        { name: 'app', image: 'app:1', imagePullPolicy: 'IfNotPresent' },
        { name: 'side', image: 'side:1' },
      ],
      initContainers: [
        { name: 'proxy', image: 'proxy:1', restartPolicy: 'Always', imagePullPolicy: 'Always' },
      ],
      ephemeralContainers: [{ name: 'debug', image: 'busybox', targetContainerName: 'app' }],
      volumes: [
        { name: 'tmp', emptyDir: {} },
        { name: 'model', image: { reference: 'model:1', pullPolicy: 'Never' } },
      ],
    };
    expect(findImages(pod(spec))).toEqual([
      {
        pointer: '/spec/containers/0/image',
        name: 'app',
        role: 'container',
        image: 'app:1',
        pullPolicy: 'IfNotPresent',
      },
      { pointer: '/spec/containers/1/image', name: 'side', role: 'container', image: 'side:1' },
      {
        pointer: '/spec/initContainers/0/image',
        name: 'proxy',
        role: 'init',
        image: 'proxy:1',
        pullPolicy: 'Always',
      },
      { pointer: '/spec/ephemeralContainers/0/image', name: 'debug', role: 'ephemeral', image: 'busybox' },
      {
        pointer: '/spec/volumes/1/image/reference',
        name: 'model',
        role: 'volume',
        image: 'model:1',
        pullPolicy: 'Never',
      },
    ]);
  });

  it.each([
    [
      'a Deployment',
      deployment({ containers: [{ name: 'a', image: 'a' }] }),
      '/spec/template/spec/containers/0/image',
    ],
    [
      'a CronJob',
      cronJob({ containers: [{ name: 'a', image: 'a' }] }),
      '/spec/jobTemplate/spec/template/spec/containers/0/image',
    ],
  ])('points into the template of %s', (_what, object, pointer) => {
    expect(findImages(object).map((use) => use.pointer)).toEqual([pointer]);
  });

  it.each([
    ['no containers', {}],
    ['null containers', { containers: null }],
    ['a text as containers', { containers: 'nginx' }],
    ['a map as containers', { containers: { 0: { name: 'a', image: 'a' } } }],
    ['an empty list', { containers: [] }],
    ['no containers in the list', { containers: [null, 'nginx', 5, [], true] }],
    [
      'images that are no texts',
      { containers: [{ image: 5 }, { image: {} }, { image: ['a'] }, { image: true }] },
    ],
    ['null as volumes', { volumes: null }],
    ['volumes of other kinds', { volumes: [null, {}, { image: null }, { image: 'a' }, { image: [] }] }],
    ['a volume whose reference is no text', { volumes: [{ name: 'v', image: { reference: 5 } }] }],
  ])('finds none with %s', (_what, spec) => {
    expect(findImages(pod(spec))).toEqual([]);
  });

  it('counts positions as they are, over entries that are no containers', () => {
    const spec = { containers: [null, { name: 'a', image: 'a' }] };
    expect(findImages(pod(spec)).map((use) => use.pointer)).toEqual(['/spec/containers/1/image']);
  });

  it.each([{ name: 'a' }, { name: 'a', image: '' }, { name: 'a', image: null }])(
    'finds the empty image of %j',
    (container) => {
      expect(findImages(pod({ containers: [container] }))).toMatchObject([{ name: 'a', image: '' }]);
    },
  );

  it.each([[undefined], [null], [5], [{}]])('calls a container without a name by none: %j', (name) => {
    expect(findImages(pod({ containers: [{ name, image: 'a' }] }))).toMatchObject([{ name: '', image: 'a' }]);
  });

  it.each([[5], [null], [{}]])('knows no pull policy from %j', (imagePullPolicy) => {
    const [use] = findImages(pod({ containers: [{ name: 'a', image: 'a', imagePullPolicy }] }));
    expect(use).not.toHaveProperty('pullPolicy');
  });

  it('finds a thousand containers', () => {
    const containers = Array.from({ length: 1000 }, (_, index) => ({
      name: `c${index}`,
      image: `i${index}`,
    }));
    expect(findImages(pod({ containers })).at(-1)).toMatchObject({
      pointer: '/spec/containers/999/image',
      image: 'i999',
    });
  });

  it('gives pointers to the very texts it found, whatever else is in the lists', () => {
    const entry = fc.oneof(
      fc.jsonValue(),
      fc.record({ name: fc.string(), image: fc.string({ minLength: 1 }) }),
    );
    const list = fc.oneof(fc.array(entry), fc.jsonValue());
    const spec = fc.record({
      containers: list,
      initContainers: list,
      ephemeralContainers: list,
      volumes: list,
    });
    fc.assert(
      fc.property(spec, (value) => {
        const object = deployment(value);
        const written = findImages(object).filter(({ image }) => image !== '');
        expect(written.map(({ pointer }) => jsonPatch.getValueByPointer(object, pointer) as unknown)).toEqual(
          written.map(({ image }) => image),
        );
      }),
    );
  });
});

function custom(kind: string, spec: unknown): Record<string, unknown> {
  return { apiVersion: 'example.com/v1', kind, metadata: {}, spec };
}

describe('the images of a kind of somebody else', () => {
  const kinds = new Map([
    ...BUILT_IN_KINDS,
    ['Rollout.example.com', { podSpec: ['spec', 'template', 'spec'] }] as const,
    ['Cluster.example.com', { image: ['spec', 'imageName'] }] as const,
    ['Task.example.com', { image: ['spec', 'steps', EVERY, 'image'] }] as const,
  ]);

  it('are found in the pod spec', () => {
    const object = custom('Rollout', { template: { spec: { containers: [{ name: 'c0', image: 'a:1' }] } } });
    expect(findImages(object, kinds)).toEqual([
      { pointer: '/spec/template/spec/containers/0/image', name: 'c0', role: 'container', image: 'a:1' },
    ]);
    expect(findImages(object)).toEqual([]);
  });

  it('are found in a single text', () => {
    expect(findImages(custom('Cluster', { imageName: 'db:1' }), kinds)).toEqual([
      { pointer: '/spec/imageName', name: '/spec/imageName', role: 'field', image: 'db:1' },
    ]);
  });

  it('are found in every entry of a list', () => {
    const steps = [{ image: 'a:1' }, { script: 'x' }, { image: 'b:1' }, { image: 5 }];
    expect(
      findImages(custom('Task', { steps }), kinds).map(({ pointer, image }) => [pointer, image]),
    ).toEqual([
      ['/spec/steps/0/image', 'a:1'],
      ['/spec/steps/2/image', 'b:1'],
    ]);
  });

  it.each([{}, { imageName: null }, { imageName: 5 }, { imageName: { tag: '1' } }, null, 'db:1'])(
    'with %j as spec are none that can be rewritten',
    (spec) => {
      expect(findImages(custom('Cluster', spec), kinds).filter(({ image }) => image !== '')).toEqual([]);
    },
  );
});
