import { type Command, InvalidArgumentError } from 'commander';
import { processEnvironment } from '../../config/process-environment.ts';
import { InvalidPlatformError, type Platform, parsePlatform } from '../../image/platform.ts';
import { onSignals } from '../../server/signals.ts';
import type { CommandSurroundings } from '../command.ts';
import { type CopyOptions, copy, sentenceOf, warningIn } from '../copy.ts';
import { type Progress, progressOn, silent } from '../copy-progress.ts';
import { EXIT } from '../exit-code.ts';
import { expectShortLife } from '../short-life.ts';
import { limitYoungGarbage } from '../young-garbage.ts';

interface Options {
  readonly platform?: readonly Platform[];
  readonly referrers?: true;
  readonly json?: true;
  readonly sourcePlainHttp?: true;
  readonly targetPlainHttp?: true;
  readonly certsDir: string;
  readonly concurrency: number;
}

/** Where Docker's daemon looks for them. */
const DOCKER_CERTS = '/etc/docker/certs.d';
/** As many as registries are known to serve one client at once without slowing down; the webhook's default, too. */
const DEFAULT_CONCURRENCY = 12;
/** Each holds a socket on either side; registries start to refuse long before this. */
const MOST_CONCURRENCY = 64;

const AFTER = `
SOURCE and TARGET:
  registry.example.com/team/app:1.2    a tag of a registry; without host Docker Hub, without tag "latest"
  registry.example.com/app@sha256:…    a digest
  oci:DIR:1.2                          a tag in an OCI image layout, a folder that can be carried anywhere
  oci:DIR                              SOURCE: the one tag that is in it. TARGET: by digest, without a tag
  oci:DIR@sha256:…                     a digest in it

  Copies images, charts, SBOMs and every other OCI artifact. Bytes and digests stay as they are; what TARGET has
  already is not sent again. Inside one registry nothing is sent: blobs are mounted.

Platforms:
  Without --platform all of an index. With one the image of that platform by itself, under its own digest; with
  several an index of just these, which has a digest of its own.

Credentials:
  Those of Docker: config.json in $DOCKER_CONFIG or ~/.docker, with the credential helpers it names. "docker login"
  writes it.

Proxy:
  HTTPS_PROXY and NO_PROXY. Plain HTTP and loopback are always reached directly.

Output:
  The result on standard output, progress and what registries warn of on standard error. With --json one object on
  one line and no progress: source, target, digest, mediaType, present, bytes, blobs {copied, mounted, present},
  referrers, requests {source, target}, durationMs.

Exit codes:
  ${EXIT.done}    TARGET has it, all of it
  ${EXIT.failed}    failed: standard error says on which side, in which step and for which digest
  ${EXIT.usage}    wrong arguments: the same call fails again
  ${EXIT.interrupted}  interrupted by SIGINT or SIGTERM: open uploads are cancelled and TARGET's tag is as it was; a second
       signal ends it at once

Examples:
  image-cloner copy alpine:3.12 registry.example.com/backup/alpine:3.12
  image-cloner copy --platform linux/amd64 --platform linux/arm64 alpine:3.12 oci:./carry:3.12
  image-cloner copy --referrers oci:./carry:3.12 localhost:5000/alpine:3.12
  image-cloner copy --json alpine:3.12 localhost:5000/alpine:3.12 | jq -r .digest
`;

/** `image-cloner copy SOURCE TARGET` */
export function configure(command: Command, surroundings: CommandSurroundings): void {
  command
    .description('Copies one artifact between registries and OCI image layouts, byte for byte.')
    .argument('<source>', 'what is copied: a reference, or oci:DIR[:tag]')
    .argument('<target>', 'where to: a reference, or oci:DIR[:tag]; the folder is made where it is absent')
    .option(
      '--platform <os/architecture[/variant]>',
      'of an index this one alone; may be given again, or several with commas',
      readPlatforms,
    )
    .option('--referrers', 'also signatures, attestations and SBOMs that refer to it, and cosign tags')
    .option('--source-plain-http', 'speak plain HTTP to the source; loopback hosts always may')
    .option('--target-plain-http', 'speak plain HTTP to the target; loopback hosts always may')
    .option('--certs-dir <dir>', 'certificates: <host[:port]>/ca.crt, client.cert, client.key', DOCKER_CERTS)
    .option('--concurrency <n>', 'blobs under way at once', readConcurrency, DEFAULT_CONCURRENCY)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', AFTER)
    .action((source: string, target: string, options: Options) =>
      run({ source, target }, options, surroundings),
    );
}

async function run(
  names: { readonly source: string; readonly target: string },
  options: Options,
  surroundings: CommandSurroundings,
): Promise<void> {
  const { process, leave, out, err, exitWith } = surroundings;
  const interrupt = new AbortController();
  onSignals(process, () => interrupt.abort(), leave);
  limitYoungGarbage();
  expectShortLife();
  const progress = progressFor(options, surroundings);
  const warnings: string[] = [];
  try {
    const copying = copy(names, {
      ...optionsFor(options, surroundings),
      progress,
      observe: (event) => {
        const warning = warningIn(event);
        if (warning !== undefined) warnings.push(warning);
      },
      signal: interrupt.signal,
    });
    const result = await copying.finally(() => end(progress, warnings, err));
    out(options.json ? `${JSON.stringify(result)}\n` : sentenceOf(result));
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    err('image-cloner: interrupted, nothing is left half done\n');
    exitWith(EXIT.interrupted);
  }
}

/** Warnings come last: bars would draw over them. */
function end(progress: Progress, warnings: readonly string[], err: (text: string) => void): void {
  progress.end();
  for (const warning of warnings) err(`image-cloner: ${warning}\n`);
}

function progressFor({ json }: Options, { err, terminal }: CommandSurroundings): Progress {
  return json ? silent : progressOn({ write: err, terminal });
}

function optionsFor(
  { platform, referrers, sourcePlainHttp, targetPlainHttp, certsDir, concurrency }: Options,
  { environment = processEnvironment() }: CommandSurroundings,
): Omit<CopyOptions, 'progress' | 'observe' | 'signal'> {
  return {
    platforms: platform ?? [],
    referrers: referrers === true,
    sourcePlainHttp: sourcePlainHttp === true,
    targetPlainHttp: targetPlainHttp === true,
    certsDir,
    concurrency,
    environment,
  };
}

function readPlatforms(text: string, before: readonly Platform[] = []): readonly Platform[] {
  try {
    return [...before, ...text.split(',').map((one) => parsePlatform(one.trim()))];
  } catch (error) {
    if (error instanceof InvalidPlatformError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

function readConcurrency(text: string): number {
  const number = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > MOST_CONCURRENCY)
    throw new InvalidArgumentError(`wanted a whole number from 1 to ${MOST_CONCURRENCY}`);
  return number;
}
