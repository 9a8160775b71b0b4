import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));
/** Whoever runs these tests with `make test` has it. */
const MAKE = 'make';
const PROMISED = [
  'demo',
  'test',
  'check',
  'lint',
  'e2e',
  'conformance',
  'cluster',
  'cluster-down',
  'e2e-cluster',
  'bench',
  'gen',
  'build',
  'deploy',
  'undeploy',
  'deploy-agents',
  'undeploy-agents',
];

/** The commands that a target would run. */
function dryRun(...args: string[]): string[] {
  // A make above this test hands its options and variables down in the environment.
  const { PATH } = process.env;
  const printed = execFileSync(
    MAKE,
    ['--dry-run', '--directory', CHECKOUT, '--no-print-directory', ...args],
    {
      encoding: 'utf8',
      env: { PATH },
    },
  );
  return printed.split('\n').filter((line) => line !== '');
}

/** Where in the commands the first one with this text is; fails when none is. */
function position(commands: readonly string[], text: string): number {
  const index = commands.findIndex((command) => command.includes(text));
  expect(index, `${text} in ${commands.join('\n')}`).toBeGreaterThanOrEqual(0);
  return index;
}

describe('make', () => {
  it('explains every target', () => {
    const makefile = readFileSync(`${CHECKOUT}Makefile`, 'utf8');
    const explained = [...makefile.matchAll(/^([a-z0-9-]+):.*## \S/gm)].map((match) => match[1]);
    expect(explained).toEqual(expect.arrayContaining(PROMISED));
    expect(makefile).toContain(`.PHONY: ${explained.join(' ')}\n`);
  });

  it('explains itself when no target is given', () => {
    expect(dryRun()).toEqual(dryRun('help'));
  });

  it.each(['demo', 'test'])('%s runs nothing but npm', (target) => {
    for (const command of dryRun(target)) expect(command).toMatch(/^npm /);
  });

  it.each(['demo', 'test', 'check', 'lint', 'e2e', 'conformance', 'bench', 'gen'])(
    '%s installs what it needs first',
    (target) => {
      expect(dryRun(target, '--what-if', 'package-lock.json')[0]).toBe('npm ci');
    },
  );

  it('check lints and runs the tests with their coverage', () => {
    const commands = dryRun('check');
    const order = [
      '--version',
      'run -s format',
      'run -s lint',
      'run -s types',
      'run -s dead',
      'shellcheck',
      'coverage',
    ];
    const positions = order.map((text) => position(commands, text));
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  });
});

describe('make deploy', () => {
  it('tells the API server of the webhook last, after the rollout is done', () => {
    const commands = dryRun('deploy', 'KUBECTL=kubectl');
    const [applied, done, told] = [
      position(commands, 'apply -f -'),
      position(commands, 'rollout status deployment/image-cloner'),
      position(commands, 'apply -f deploy/image-cloner-webhook.yaml'),
    ];
    expect(applied).toBeLessThan(done);
    expect(done).toBeLessThan(told);
    expect(told).toBe(commands.length - 1);
    expect(commands.filter((command) => command.includes('image-cloner-webhook.yaml'))).toHaveLength(2);
  });

  it('first asks for the certificate of the namespace', () => {
    const [first] = dryRun('deploy', 'NAMESPACE=tools');
    expect(first).toContain("grep -qs 'namespace: tools$' deploy/image-cloner-webhook.yaml");
  });

  it('uses the kubectl, the namespace and the time that it is given', () => {
    const commands = dryRun(
      'deploy',
      'KUBECTL=kubectl --context there',
      'NAMESPACE=tools',
      'TIMEOUT=5s',
    ).join('\n');
    expect(commands).toContain(
      "kubectl --context there --namespace 'tools' rollout status deployment/image-cloner",
    );
    expect(commands).toContain("--timeout '5s'");
    expect(commands.match(/kubectl/g)).toHaveLength(commands.match(/kubectl --context there/g)?.length ?? 0);
  });
});

describe('make undeploy', () => {
  it('takes the webhook configuration away before anything else', () => {
    const [first, ...rest] = dryRun('undeploy', 'KUBECTL=kubectl', 'NAMESPACE=tools');
    expect(first).toBe('kubectl delete --ignore-not-found mutatingwebhookconfiguration image-cloner');
    expect(rest).toEqual([expect.stringMatching(/^kubectl delete .*namespace 'tools'$/)]);
  });
});

describe('make build', () => {
  it('builds IMAGE on BASE, with the package mirror of the environment and further options', () => {
    expect(
      dryRun('build', 'IMAGE=a.example/b:1', 'BASE=base:24', 'DOCKER=podman', 'BUILD_OPTIONS=--network=host'),
    ).toEqual([
      "podman build --tag 'a.example/b:1' --build-arg BASE='base:24' --build-arg NPM_CONFIG_REGISTRY --network=host .",
    ]);
  });
});

describe('make gen', () => {
  it('makes the certificate of the namespace', () => {
    expect(dryRun('gen', 'NAMESPACE=tools', 'GEN_OPTIONS=--new-authority')).toContain(
      "npm run -s gen -- --namespace 'tools' --new-authority",
    );
  });
});

describe('make e2e-cluster', () => {
  it('runs the scenarios of these numbers, and 1 is not 10', () => {
    expect(dryRun('e2e-cluster', 'SCENARIOS=1 10')).toContain(
      'npm run -s e2e-cluster -- scenario-1- scenario-10- ',
    );
  });
});
