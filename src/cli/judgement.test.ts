import { describe, expect, test } from 'vitest';
import { ConfigError } from '../config/config-error.ts';
import { EVERY } from '../workload/json-path.ts';
import { BUILT_IN_KINDS } from '../workload/kinds.ts';
import { type JudgementSettings, readJudgement } from './judgement.ts';

const NONE: JudgementSettings = {
  rules: [],
  workloads: [],
  webhook: { enabled: true },
  sources: {
    allow: ['docker.io'],
    deny: [],
    plainHttp: [],
    internal: [],
    concurrency: 8,
    credentialHelpers: false,
    credentialProviders: { binDir: '' },
  },
};

function faults(settings: Partial<JudgementSettings>): readonly string[] {
  try {
    readJudgement({ ...NONE, ...settings });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ at, what }) => `${at}: ${what}`);
  }
}

describe('the judgement of a configuration', () => {
  test('knows the kinds of Kubernetes and no rules, where nothing is said', () => {
    expect(readJudgement(NONE)).toEqual({
      enabled: true,
      rules: [],
      kinds: BUILT_IN_KINDS,
      sources: { allow: ['docker.io'], deny: [] },
    });
  });

  test('knows the kinds that were added', () => {
    const { kinds } = readJudgement({
      ...NONE,
      workloads: [
        { kind: 'Rollout.argoproj.io', podSpec: '.spec.template.spec' },
        { kind: 'Task.tekton.dev', image: '.spec.steps[*].image' },
      ],
    });
    expect(kinds.size).toBe(BUILT_IN_KINDS.size + 2);
    expect(kinds.get('Rollout.argoproj.io')).toEqual({ podSpec: ['spec', 'template', 'spec'] });
    expect(kinds.get('Task.tekton.dev')).toEqual({ image: ['spec', 'steps', EVERY, 'image'] });
  });

  test('has its rules in order, and its switch', () => {
    const rules = [
      { match: { namespaces: ['a'] }, action: 'skip' as const },
      { name: 'b', action: 'deny' as const },
    ];
    const judgement = readJudgement({ ...NONE, rules, webhook: { enabled: false } });
    expect(judgement.enabled).toBe(false);
    expect(judgement.rules.map(({ name }) => name)).toEqual(['rules.0', 'b']);
  });

  test.each<[Partial<JudgementSettings>, readonly string[]]>([
    [{ workloads: [{ kind: 'A.b' }] }, ['workloads.0: wanted either podSpec or image']],
    [
      { workloads: [{ kind: 'A.b', podSpec: '.a', image: '.b' }] },
      ['workloads.0: wanted either podSpec or image'],
    ],
    [
      { workloads: [{ kind: 'A.b', podSpec: '.spec[?(@.a)]' }] },
      ['workloads.0.podSpec: got ".spec[?(@.a)]", wanted a JSONPath such as ".spec.template.spec"'],
    ],
    [
      { workloads: [{ kind: 'A.b', podSpec: '.spec.pods[*].spec' }] },
      ['workloads.0.podSpec: got ".spec.pods[*].spec", wanted a JSONPath such as ".spec.template.spec"'],
    ],
    [
      { workloads: [{ kind: 'A.b', image: '..image' }] },
      [
        'workloads.0.image: got "..image", wanted a JSONPath such as ".spec.imageName" or ".spec.steps[*].image"',
      ],
    ],
    [
      { workloads: [{ kind: 'Deployment.apps', podSpec: '.spec' }] },
      ['workloads.0.kind: got "Deployment.apps", which is known already'],
    ],
    [
      {
        workloads: [
          { kind: 'A.b', image: '.a' },
          { kind: 'A.b', image: '.b' },
        ],
      },
      ['workloads.1.kind: got "A.b", which is known already'],
    ],
    [
      { rules: [{ action: 'skip', check: true }], workloads: [{ kind: 'A.b' }] },
      [
        'rules.0.check: belongs to action rewrite-only, not to skip',
        'workloads.0: wanted either podSpec or image',
      ],
    ],
  ])('is refused with %j', (settings, expected) => {
    expect(faults(settings)).toEqual(expected);
  });
});
