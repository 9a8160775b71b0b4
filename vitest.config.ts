import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // Tests mock no modules and keep no state in them, so one load of a module serves a whole worker: a third of
          // the time.
          isolate: false,
          // Only ends what hangs: how long a test takes says how busy the machine is.
          testTimeout: 180_000,
          hookTimeout: 180_000,
          expect: { poll: { timeout: 120_000 } },
          include: [
            'src/**/*.test.ts',
            'test/*.test.ts',
            'test/fakes/**/*.test.ts',
            'tls/**/*.test.ts',
            'bench/**/*.test.ts',
            'build/**/*.test.ts',
          ],
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.e2e.ts'],
          // Real servers on two cores: one file at a time.
          fileParallelism: false,
          // Only end what hangs, as above; there are a copy of a gibibyte among them, and a build of the image.
          testTimeout: 600_000,
          hookTimeout: 1_800_000,
          expect: { poll: { timeout: 120_000, interval: 100 } },
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.cluster.ts'],
          globalSetup: 'test/cluster/setup.ts',
          // They change what they share: the cluster and its registries.
          fileParallelism: false,
          testTimeout: 900_000,
          hookTimeout: 1_800_000,
          expect: { poll: { timeout: 300_000, interval: 500 } },
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/**/*.test.ts', 'src/main.ts'],
      thresholds: {
        lines: 90,
        branches: 85,
        'src/image/**': { lines: 100, branches: 95 },
        'src/workload/**': { lines: 100, branches: 95 },
        'src/plan/**': { lines: 100, branches: 95 },
      },
    },
  },
});
