import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './statistics.ts';
import { tableOf } from './table.ts';

const PROGRAM = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const WORKLOADS = 10_000;
const ROUNDS = 5;

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-INDEX
  namespace: shop-NAMESPACE
  labels:
    app.kubernetes.io/name: web
    app.kubernetes.io/instance: web-INDEX
spec:
  replicas: 3
  selector:
    matchLabels:
      app.kubernetes.io/instance: web-INDEX
  template:
    metadata:
      labels:
        app.kubernetes.io/instance: web-INDEX
    spec:
      serviceAccountName: web
      initContainers:
        - name: wait
          image: busybox:1.36
          command: ["sh", "-c", "until nc -z db 5432; do sleep 1; done"]
      containers:
        - name: web
          image: ghcr.io/shop/web:INDEX
          ports:
            - {name: http, containerPort: 8080}
          env:
            - name: DATABASE
              value: "postgres://db:5432/shop"
          readinessProbe:
            httpGet: {path: /readyz, port: http}
          resources:
            requests: {cpu: 100m, memory: 128Mi}
            limits: {memory: 256Mi}
        - name: proxy
          image: envoyproxy/envoy:v1.30.1
`;

interface Result {
  readonly form: string;
  readonly megabytes: number;
  readonly seconds: number;
}

bench();

/** `image-cloner plan` of as many workloads as a large cluster has, each with three images. Nothing is asked. */
function bench(): void {
  const folder = mkdtempSync(join(tmpdir(), 'bench-plan-'));
  try {
    const objects = Array.from({ length: WORKLOADS }, (_, index) => index);
    const results = [
      measure(folder, 'YAML, a document each', objects.map(yamlOf).join('---\n')),
      measure(folder, 'JSON, one List', JSON.stringify({ kind: 'List', items: objects.map(objectOf) })),
    ];
    console.log(reportOf(results));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measure(folder: string, form: string, text: string): Result {
  const file = join(folder, 'workloads');
  writeFileSync(file, text);
  const times = Array.from({ length: ROUNDS }, () => timeOf(file));
  return { form, megabytes: text.length / 1_000_000, seconds: median(times) / 1000 };
}

/** From the start of the process to its end. */
function timeOf(file: string): number {
  const begun = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'plan', '--filename', file], {
    env: { REGISTRY: 'registry.example.com/backup' },
    maxBuffer: 1_000_000_000,
    encoding: 'utf8',
  });
  const rows = stdout.trimEnd().split('\n').length;
  if (status !== 0 || rows < 3 * WORKLOADS)
    throw new Error(`Cannot use the plan: wanted ${3 * WORKLOADS} rows, got ${rows} ${stderr}`);
  return performance.now() - begun;
}

function yamlOf(index: number): string {
  return DEPLOYMENT.replaceAll('INDEX', String(index)).replace('NAMESPACE', String(index % 50));
}

function objectOf(index: number): unknown {
  const containers = [`ghcr.io/shop/web:${index}`, 'envoyproxy/envoy:v1.30.1', 'busybox:1.36'];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `web-${index}`, namespace: `shop-${index % 50}` },
    spec: {
      template: { spec: { containers: containers.map((image, place) => ({ name: `c${place}`, image })) } },
    },
  };
}

function reportOf(results: readonly Result[]): string {
  const [processor] = cpus();
  const table = tableOf(
    [
      { heading: 'form', cell: ({ form }: Result) => form },
      { heading: 'MB', cell: ({ megabytes }: Result) => megabytes.toFixed(1) },
      { heading: 's', cell: ({ seconds }: Result) => seconds.toFixed(2) },
    ],
    results,
  );
  return `### plan: ${WORKLOADS} workloads of three images, from files, median of ${ROUNDS}

${new Date().toISOString().slice(0, 10)}, ${processor?.model ?? 'unknown'}, Node ${process.version}

${table}`;
}
