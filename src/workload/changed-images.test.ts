import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recorded } from '../../test/recorded.ts';
import { containers, cronJob, deployment, pod, templated } from '../../test/workloads.ts';
import { changedImages } from './changed-images.ts';
import { findImages } from './images.ts';

function names(object: unknown, oldObject: unknown): readonly string[] {
  return changedImages(object, oldObject).map((use) => `${use.name}=${use.image}`);
}

function imageVolume(reference: string): Record<string, unknown> {
  return { volumes: [{ name: 'v', image: { reference } }] };
}

function debugged(...images: readonly string[]): Record<string, unknown> {
  const ephemeralContainers = images.map((image, index) => ({ name: `debug${index}`, image }));
  return pod({ ...containers('a:1'), ephemeralContainers });
}

describe('changedImages', () => {
  it.each([
    ['no image', containers('a:1', 'b:1'), containers('a:1', 'b:1'), []],
    ['one of three images', containers('a:1', 'b:2', 'c:1'), containers('a:1', 'b:1', 'c:1'), ['c1=b:2']],
    ['the number of containers, adding one', containers('a:1', 'b:1'), containers('a:1'), ['c1=b:1']],
    ['the number of containers, taking one', containers('a:1'), containers('a:1', 'b:1'), []],
    [
      'an image back to its source',
      containers('a:1'),
      containers('registry.example.com/backup/a:1'),
      ['c0=a:1'],
    ],
  ])('when an update changes %s', (_what, spec, oldSpec, expected) => {
    expect(names(deployment(spec), deployment(oldSpec))).toEqual(expected);
  });

  it('knows containers by name: another order is no change', () => {
    const [first, second] = [
      { name: 'x', image: 'x:1' },
      { name: 'y', image: 'y:1' },
    ];
    expect(
      names(deployment({ containers: [second, first] }), deployment({ containers: [first, second] })),
    ).toEqual([]);
  });

  it('takes a container with a new name and the image of one that is gone for the same container', () => {
    const before = deployment({ containers: [{ name: 'old', image: 'a:1' }] });
    expect(names(deployment({ containers: [{ name: 'new', image: 'a:1' }] }), before)).toEqual([]);
    expect(names(deployment({ containers: [{ name: 'new', image: 'a:2' }] }), before)).toEqual(['new=a:2']);
  });

  it('takes a container that comes beside another of the same image for a new one', () => {
    expect(names(deployment(containers('a:1', 'a:1')), deployment(containers('a:1')))).toEqual(['c1=a:1']);
  });

  it('keeps roles apart: a container that becomes an init container is new', () => {
    const main = { name: 'main', image: 'm:1' };
    const moved = { name: 'moved', image: 'a:1' };
    const before = deployment({ containers: [main, moved] });
    expect(names(deployment({ containers: [main], initContainers: [moved] }), before)).toEqual(['moved=a:1']);
  });

  it('handles the image volume of a template', () => {
    expect(names(deployment(imageVolume('v:2')), deployment(imageVolume('v:1')))).toEqual(['v=v:2']);
  });

  it.each([
    [
      'StatefulSet',
      templated('apps/v1', 'StatefulSet', containers('a:2')),
      templated('apps/v1', 'StatefulSet', containers('a:1')),
    ],
    ['CronJob', cronJob(containers('a:2')), cronJob(containers('a:1'))],
    ['Pod', pod(containers('a:2')), pod(containers('a:1'))],
  ])('handles the changed image of a %s', (_kind, object, oldObject) => {
    expect(names(object, oldObject)).toEqual(['c0=a:2']);
  });

  describe('leaves alone what the API server would not let change', () => {
    it('the template of a Job, even if the user tries', () => {
      const [now, before] = ['a:2', 'a:1'].map((image) => templated('batch/v1', 'Job', containers(image)));
      expect(names(now, before)).toEqual([]);
    });

    it('the volumes of a Pod', () => {
      const [now, before] = ['v:2', 'v:1'].map((image) =>
        pod({ ...containers('a:1'), ...imageVolume(image) }),
      );
      expect(names(now, before)).toEqual([]);
    });

    it('ephemeral containers that are there, so that a second one can be added', () => {
      expect(names(debugged('busybox:1'), debugged())).toEqual(['debug0=busybox:1']);
      expect(names(debugged('busybox:1', 'busybox:1'), debugged('busybox:1'))).toEqual(['debug1=busybox:1']);
      expect(names(debugged('busybox:2'), debugged('busybox:1'))).toEqual([]);
    });
  });

  it.each([
    ['is missing', undefined],
    ['is null', null],
    ['is of another shape', 'Pod'],
    ['is empty', {}],
    ['has no containers', pod({})],
  ])('finds nothing when the stored object %s', (_what, oldObject) => {
    expect(changedImages(pod(containers('a:1')), oldObject)).toEqual([]);
  });

  it.each([undefined, null, 5, [[]], {}])('finds nothing in %j', (object) => {
    expect(changedImages(object, pod(containers('a:1')))).toEqual([]);
  });

  it.each([
    ['update-deployment-new-image', ['nginx=nginx:1.26']],
    ['update-deployment-same-image', []],
    ['update-deployment-scale', []],
    ['update-pod-deleting', []],
    ['update-pod-first-ephemeral-container', ['dbg=busybox:1.28']],
    ['update-pod-new-image', ['a=nginx:1.27']],
    ['update-pod-same-image', []],
    ['update-pod-status', []],
  ])('in the recorded %s', (name, expected) => {
    const { request } = recorded(name);
    expect(names(request['object'], request['oldObject'])).toEqual(expected);
  });

  it('finds nothing but images of the new object', () => {
    const container = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      image: fc.constantFrom('x', 'y', 'z', ''),
    });
    const list = fc.array(container, { maxLength: 4 });
    const spec = fc.record({ containers: list, initContainers: list, ephemeralContainers: list });
    fc.assert(
      fc.property(spec, spec, (now, before) => {
        const all = new Set(findImages(deployment(now)).map((use) => use.pointer));
        expect(changedImages(deployment(now), deployment(before)).every((use) => all.has(use.pointer))).toBe(
          true,
        );
      }),
    );
  });

  it('finds nothing in an update that changes no image, whatever the images are', () => {
    const list = fc.uniqueArray(fc.record({ name: fc.string(), image: fc.string() }), {
      selector: ({ name }) => name,
    });
    fc.assert(
      fc.property(list, list, (main, init) => {
        const object = deployment({ containers: main, initContainers: init });
        expect(changedImages(object, structuredClone(object))).toEqual([]);
      }),
    );
  });
});
