import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));

interface Room {
  /** A room imports lower levels only. */
  readonly level: number;
  /** Rooms of `src/` that it may import. */
  readonly rooms: readonly string[];
  /** Third-party packages that it, and no room not listed with them, may import. */
  readonly packages: readonly string[];
  /** No input or output, no waiting, no log: the same answer for the same question. */
  readonly pure?: true;
}

/** The table of `docs/architecture.md`, "Rooms". */
const ROOMS: Readonly<Record<string, Room>> = {
  image: { level: 0, rooms: [], packages: [], pure: true },
  buffers: { level: 0, rooms: [], packages: [] },
  telemetry: { level: 0, rooms: [], packages: ['pino', 'pino-pretty', 'prom-client'] },
  yaml: { level: 0, rooms: [], packages: ['js-yaml'], pure: true },
  workload: { level: 1, rooms: ['image'], packages: ['fast-json-patch'], pure: true },
  config: { level: 1, rooms: ['image', 'yaml'], packages: ['zod'] },
  manifest: { level: 1, rooms: ['image', 'yaml'], packages: [] },
  registry: { level: 1, rooms: ['image', 'buffers'], packages: ['undici'] },
  credentials: { level: 1, rooms: ['image'], packages: [] },
  docker: { level: 1, rooms: ['image'], packages: ['dockerode', 'tar'] },
  containerd: { level: 1, rooms: ['image', 'buffers'], packages: ['@grpc/grpc-js', '@grpc/proto-loader'] },
  layout: { level: 1, rooms: ['image'], packages: [] },
  plan: { level: 2, rooms: ['image', 'workload'], packages: [], pure: true },
  kube: { level: 2, rooms: ['image', 'workload'], packages: ['@kubernetes/client-node'] },
  copy: { level: 2, rooms: ['image'], packages: ['p-limit'] },
  admission: { level: 3, rooms: ['image', 'workload', 'plan', 'copy'], packages: [] },
  agent: { level: 3, rooms: ['image', 'copy'], packages: [] },
  embedded: { level: 3, rooms: ['image', 'layout'], packages: ['koa'] },
  server: { level: 4, rooms: ['admission', 'telemetry'], packages: ['koa'] },
  cli: {
    level: 5,
    packages: ['commander'],
    rooms: [
      'image',
      'buffers',
      'telemetry',
      'workload',
      'config',
      'manifest',
      'registry',
      'credentials',
      'docker',
      'containerd',
      'layout',
      'plan',
      'kube',
      'copy',
      'admission',
      'agent',
      'embedded',
      'server',
    ],
  },
};

/** Files at the top of `src/`. */
const MAIN: Room = { level: 6, rooms: ['cli'], packages: [] };

/** What a pure room may take from Node: computations. */
const PURE_BUILTINS: Readonly<Record<string, readonly string[]>> = {
  'node:crypto': ['createHash', 'Hash'],
  'node:net': ['isIP', 'isIPv4', 'isIPv6'],
};

/** Signs of what a pure room does not do. */
const IMPURE =
  /\b(?:await|async|process|console|fetch|setTimeout|setInterval|setImmediate|queueMicrotask|Date|performance|WebSocket)\b|\bMath\.random\b/;

/** Folders beside `src/`, and what they may import beside themselves. `src/` imports none of them. */
const SURROUNDINGS: Readonly<Record<string, readonly string[]>> = {
  tls: [],
  build: [],
  test: ['src', 'tls', 'bench', 'build'],
  bench: ['src', 'tls', 'test', 'build'],
};

interface Import {
  readonly specifier: string;
  /** What stands between `import` and `from`. */
  readonly clause: string;
}

const STATIC =
  /\b(?:import|export)\b(?<clause>[^'";()]*?)\bfrom\s*(?<quote>['"])(?<specifier>[^'"\n]+)\k<quote>/g;
const BARE = /\bimport\s*(?<quote>['"])(?<specifier>[^'"\n]+)\k<quote>/g;
const CALLED =
  /\b(?:import|require|getBuiltinModule|importModule)\s*\((?!\s*\)\s*:)\s*(?:(?<quote>['"])(?<specifier>[^'"\n]+)\k<quote>|(?<other>[^)]*))/g;

/** What an import that cannot be read is reported as. */
const COMPUTED = '(computed)';

function importsOf(code: string): Import[] {
  return [STATIC, BARE, CALLED].flatMap((pattern) =>
    [...code.matchAll(pattern)].map(({ groups }) => ({
      specifier: groups?.['specifier'] ?? COMPUTED,
      clause: groups?.['clause'] ?? '*',
    })),
  );
}

/** Code without comments. A comment that begins behind code stays: it cannot hide an import, only invent one. */
function codeOf(file: string): string {
  return readFileSync(file, 'utf8')
    .replaceAll(/^\s*\/\*[\s\S]*?\*\/\s*$/gm, '')
    .replaceAll(/^\s*\/\/.*$/gm, '');
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

/** Every wrong import of a checkout, as `file: what is wrong`. */
function faultsOf(checkout: string): string[] {
  const files = filesUnder(join(checkout, 'src'));
  if (files.length === 0) return ['src: no files found'];
  return [
    ...files.flatMap((file) => sourceFaults(checkout, file)),
    ...Object.keys(SURROUNDINGS).flatMap((folder) => surroundingFaults(checkout, folder)),
  ];
}

function sourceFaults(checkout: string, file: string): string[] {
  const path = relative(checkout, file).split(sep);
  const room = path.length === 2 ? MAIN : ROOMS[path[1] ?? ''];
  const name = path.join('/');
  if (room === undefined) return [`${name}: is in no room`];
  // Tests may use whatever shows that the room works.
  if (name.endsWith('.test.ts')) return [];
  const code = codeOf(file);
  const faults = importsOf(code).flatMap((one) => importFault(checkout, file, room, one) ?? []);
  if (room.pure && IMPURE.test(code)) faults.push(`does what no pure room does: ${IMPURE.exec(code)?.[0]}`);
  return faults.map((fault) => `${name}: ${fault}`);
}

function importFault(
  checkout: string,
  file: string,
  room: Room,
  { specifier, clause }: Import,
): string | undefined {
  if (specifier === COMPUTED) return 'imports what cannot be read';
  if (specifier.startsWith('.'))
    return roomFault(relative(checkout, resolve(dirname(file), specifier)), file, room);
  if (specifier.startsWith('node:'))
    return room.pure && !isPureBuiltin(specifier, clause) ? `imports ${specifier}` : undefined;
  return room.packages.includes(packageOf(specifier)) ? undefined : `imports the package ${specifier}`;
}

function roomFault(target: string, file: string, room: Room): string | undefined {
  const [top, name = ''] = target.split(sep);
  if (top !== 'src') return `imports ${target}, which is no part of the program`;
  if (target.endsWith('.test.ts')) return `imports the test ${target}`;
  const isOwn = file.includes(`${sep}src${sep}${name}${sep}`);
  return isOwn || room.rooms.includes(name) ? undefined : `imports the room ${name}`;
}

function isPureBuiltin(specifier: string, clause: string): boolean {
  const allowed = PURE_BUILTINS[specifier] ?? [];
  const names = clause
    .replaceAll(/[{}]|\btype\b/g, '')
    .split(',')
    .map((name) => name.trim());
  return names.filter((name) => name !== '').every((name) => allowed.includes(name));
}

/** `@scope/name/path` and `name/path` without the path. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function surroundingFaults(checkout: string, folder: string): string[] {
  const allowed = [folder, ...(SURROUNDINGS[folder] ?? [])];
  const files = filesUnder(join(checkout, folder)).filter((file) => !file.endsWith('.test.ts'));
  return files.flatMap((file) =>
    importsOf(codeOf(file))
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier }) => relative(checkout, resolve(dirname(file), specifier)))
      .filter((target) => !allowed.includes(target.split(sep)[0] ?? ''))
      .map((target) => `${relative(checkout, file)}: imports ${target}`),
  );
}

describe('the rooms', () => {
  test('import only what the table lets them', () => {
    expect(faultsOf(CHECKOUT)).toEqual([]);
  });

  test('import lower levels only', () => {
    const upwards = Object.entries(ROOMS).flatMap(([name, { level, rooms }]) =>
      rooms
        .filter((other) => (ROOMS[other]?.level ?? Infinity) >= level)
        .map((other) => `${name} → ${other}`),
    );
    expect(upwards).toEqual([]);
  });

  test('are all there, and each has files', () => {
    const folders = readdirSync(join(CHECKOUT, 'src'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(new Set(folders.map(({ name }) => name))).toEqual(new Set(Object.keys(ROOMS)));
  });

  test('use packages that the installed program has', () => {
    const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
      readFileSync(join(CHECKOUT, 'package.json'), 'utf8'),
    );
    const used = new Set(Object.values(ROOMS).flatMap(({ packages }) => packages));
    expect(used).toEqual(new Set(Object.keys(dependencies)));
  });

  test('are told of in docs/architecture.md as they are', () => {
    const rows = readFileSync(join(CHECKOUT, 'docs/architecture.md'), 'utf8').matchAll(
      /^\| (?<level>\d) \| `(?<name>\w+)\/`[^|]*\|[^|]*\| (?<rooms>[^|]*) \| (?<packages>[^|]*) \|$/gm,
    );
    const told = [...rows].map(({ groups }) => groups ?? {});
    const table = Object.entries(ROOMS).map(([name, { level, rooms, packages }]) => ({
      name,
      level: String(level),
      rooms: name === 'cli' ? 'all' : rooms.join(', ') || '–',
      packages: packages.join(', ') || '–',
    }));
    expect(told.map((row) => ({ ...row, packages: row['packages']?.split(';')[0] }))).toEqual(table);
  });
});

describe('a wrong import, planted', () => {
  const PLANTS: readonly [string, string, string, string][] = [
    [
      'a higher room',
      'src/image/reference.ts',
      "import { x } from '../registry/client.ts';",
      'imports the room registry',
    ],
    [
      'a higher room, for types only',
      'src/workload/images.ts',
      "import type { X } from '../plan/plan.ts';",
      'imports the room plan',
    ],
    [
      'a neighbour',
      'src/copy/copier.ts',
      "import { x } from '../registry/client.ts';",
      'imports the room registry',
    ],
    [
      'the configuration, below the composition',
      'src/server/app.ts',
      "import { x } from '../config/configuration.ts';",
      'imports the room config',
    ],
    [
      'another room, handed on',
      'src/plan/plan.ts',
      "export { x } from '../copy/copier.ts';",
      'imports the room copy',
    ],
    [
      'another room, all of it',
      'src/plan/plan.ts',
      "export * from '../copy/copier.ts';",
      'imports the room copy',
    ],
    [
      'another room, late',
      'src/server/app.ts',
      "const x = await import('../registry/client.ts');",
      'imports the room registry',
    ],
    [
      'another room, over several lines',
      'src/copy/copier.ts',
      "import {\n  x,\n  y,\n} from '../registry/client.ts';",
      'imports the room registry',
    ],
    [
      'another room, for its effects',
      'src/copy/copier.ts',
      "import '../registry/client.ts';",
      'imports the room registry',
    ],
    ['past the commands', 'src/main.ts', "import { x } from './server/app.ts';", 'imports the room server'],
    [
      'a package of another room',
      'src/admission/review.ts',
      "import Koa from 'koa';",
      'imports the package koa',
    ],
    [
      'a package of another room, deep',
      'src/copy/copier.ts',
      "import x from 'undici/lib/x.js';",
      'imports the package undici/lib/x.js',
    ],
    [
      'a package of the tests',
      'src/config/file.ts',
      "import { test } from 'vitest';",
      'imports the package vitest',
    ],
    [
      'a package, the old way',
      'src/copy/copier.ts',
      "const x = require('undici');",
      'imports the package undici',
    ],
    [
      'Node without its prefix',
      'src/copy/copier.ts',
      "import { readFile } from 'fs';",
      'imports the package fs',
    ],
    [
      'files, in a pure room',
      'src/image/digest.ts',
      "import { readFile } from 'node:fs';",
      'imports node:fs',
    ],
    [
      'sockets, in a pure room',
      'src/image/reference.ts',
      "import { connect, isIPv4 } from 'node:net';",
      'imports node:net',
    ],
    [
      'all of a module, in a pure room',
      'src/plan/naming.ts',
      "import * as net from 'node:net';",
      'imports node:net',
    ],
    [
      'what is computed',
      'src/copy/copier.ts',
      'const x = await import(name);',
      'imports what cannot be read',
    ],
    [
      'a fake',
      'src/registry/client.ts',
      "import { x } from '../../test/fakes/store.ts';",
      'imports test/fakes/store.ts, which is no part of the program',
    ],
    [
      'the certificate maker',
      'src/server/app.ts',
      "import { x } from '../../tls/certificate.ts';",
      'imports tls/certificate.ts, which is no part of the program',
    ],
    [
      'a test',
      'src/server/app.ts',
      "import { x } from './app.test.ts';",
      'imports the test src/server/app.test.ts',
    ],
    [
      'waiting, in a pure room',
      'src/plan/plan.ts',
      'export async function x() {}',
      'does what no pure room does: async',
    ],
    [
      'a clock, in a pure room',
      'src/workload/images.ts',
      'export const x = Date.now();',
      'does what no pure room does: Date',
    ],
    [
      'the program, in the certificate maker',
      'tls/certificate.ts',
      "import { x } from '../src/image/digest.ts';",
      'imports src/image/digest.ts',
    ],
  ];

  let copy: string;
  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'architecture-'));
    for (const name of ['src', ...Object.keys(SURROUNDINGS)])
      cpSync(join(CHECKOUT, name), join(copy, name), { recursive: true });
  });
  afterAll(() => rmSync(copy, { recursive: true }));

  /** The faults of the copy with lines at the end of one file. */
  function faultsWith(file: string, lines: string): string[] {
    const path = join(copy, file);
    const before = readFileSync(path);
    appendFileSync(path, `\n${lines}\n`);
    const faults = faultsOf(copy);
    writeFileSync(path, before);
    return faults;
  }

  test.each(PLANTS)('of %s is found: %s', (_what, file, line, fault) => {
    expect(faultsWith(file, line)).toContain(`${file}: ${fault}`);
  });

  test.each([
    "// import 'koa';",
    "/** import { x } from 'koa'; */",
    "/*\n * import 'koa';\n * import('koa');\n */",
    'export const x = 1; // import of nothing',
  ])('in a comment is none: %j', (lines) => {
    expect(faultsWith('src/image/digest.ts', lines)).toEqual(faultsOf(copy));
  });

  test('in a room that nobody knows is found', () => {
    mkdirSync(join(copy, 'src/utils'));
    writeFileSync(join(copy, 'src/utils/x.ts'), 'export const x = 1;\n');
    expect(faultsOf(copy)).toContain('src/utils/x.ts: is in no room');
    rmSync(join(copy, 'src/utils'), { recursive: true });
  });

  test('is looked for: a checkout without files is a fault of its own', () => {
    const empty = mkdtempSync(join(copy, 'empty-'));
    mkdirSync(join(empty, 'src'));
    expect(faultsOf(empty)).toEqual(['src: no files found']);
  });
});
