import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build, type InputOptions } from 'rolldown';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../test/fakes/temp-folder.ts';
import { notices } from './notices.ts';

/** Files of packages, by their paths in `node_modules`. */
type Packages = Readonly<Record<string, string>>;

function manifest(fields: Readonly<Record<string, string>>): string {
  return JSON.stringify({ version: '1.0.0', main: 'index.js', ...fields });
}

/** What is written for a program that imports these packages. */
async function noticesOf(
  names: readonly string[],
  packages: Packages,
  resolve: InputOptions['resolve'] = {},
): Promise<string> {
  const folder = await tempFolder();
  const files = Object.entries(packages).map(([path, text]) => [join('node_modules', path), text] as const);
  const program = names.map((name) => `import '${name}';`).join('\n');
  for (const [path, text] of [...files, ['program.js', program] as const]) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const built = await build({
    cwd: folder,
    input: 'program.js',
    write: false,
    logLevel: 'silent',
    resolve,
    plugins: [notices('NOTICES')],
  });
  const notice = built.output.find(({ fileName }) => fileName === 'NOTICES');
  return notice?.type === 'asset' ? String(notice.source) : 'none';
}

const CODE = 'console.log(import.meta.url);';

describe('notices', () => {
  it('gives each package that is in the build, once, with the texts of its licence', async () => {
    const text = await noticesOf(['plain', '@scope/two', 'plain/other.js'], {
      'plain/package.json': manifest({ name: 'plain', license: 'MIT' }),
      'plain/index.js': CODE,
      'plain/other.js': CODE,
      'plain/LICENSE': 'Copyright of plain.\n',
      '@scope/two/package.json': manifest({ name: '@scope/two' }),
      '@scope/two/index.js': CODE,
      '@scope/two/licence.md': 'Copyright of two.\n',
      '@scope/two/NOTICE': 'Notice of two.\n',
      'unused/package.json': manifest({ name: 'unused', license: 'MIT' }),
    });
    expect(text.split(/^-+$/m).map((part) => part.trim())).toEqual([
      '@scope/two 1.0.0\n\nNotice of two.\n\nCopyright of two.',
      'plain 1.0.0 (MIT)\n\nCopyright of plain.',
    ]);
  });

  it('tells versions of a package apart, one of which another package brings along', async () => {
    const text = await noticesOf(['outer', 'inner'], {
      'outer/package.json': manifest({ name: 'outer', license: 'MIT' }),
      'outer/index.js': "import 'inner';",
      'outer/node_modules/inner/package.json': manifest({ name: 'inner', version: '2.0.0', license: 'ISC' }),
      'outer/node_modules/inner/index.js': CODE,
      'inner/package.json': manifest({ name: 'inner', license: 'MIT' }),
      'inner/index.js': CODE,
    });
    expect(text).toContain('inner 1.0.0 (MIT)');
    expect(text).toContain('inner 2.0.0 (ISC)');
  });

  it('does not give a package that is left out of the build', async () => {
    const files = {
      'outer/package.json': manifest({ name: 'outer', license: 'MIT' }),
      'outer/index.js': `import 'left-out'; ${CODE}`,
      'left-out/package.json': manifest({ name: 'left-out' }),
      'left-out/index.js': CODE,
    };
    const text = await noticesOf(['outer'], files, { alias: { 'left-out': false } });
    expect(text).toBe('outer 1.0.0 (MIT)\n');
  });

  it('stops the build for a package that says nothing of its licence', async () => {
    const packages = {
      'bare/package.json': manifest({ name: 'bare' }),
      'bare/index.js': CODE,
    };
    await expect(noticesOf(['bare'], packages)).rejects.toThrow(
      'Cannot ship bare 1.0.0: wanted a licence in it',
    );
  });
});
