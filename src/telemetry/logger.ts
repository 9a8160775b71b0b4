import { isatty } from 'node:tty';
import { type DestinationStream, destination, pino, stdTimeFunctions } from 'pino';
import { describeError } from './error-fields.ts';

/** The keys of our log lines; a line has no others, so that a search once written keeps working. */
export interface LogFields {
  /** AdmissionReview uid: one per call, the key to join the lines of one request. */
  readonly uid?: string | undefined;
  readonly operation?: string | undefined;
  readonly kind?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subResource?: string | undefined;
  readonly dryRun?: boolean | undefined;
  readonly container?: string | undefined;
  /** Image as the user wrote it. */
  readonly source?: string | undefined;
  /** Image in the backup registry. */
  readonly backup?: string | undefined;
  readonly digest?: string | undefined;
  /** Registry that speaks to us. */
  readonly host?: string | undefined;
  readonly bytes?: number | undefined;
  readonly count?: number | undefined;
  readonly durationMs?: number | undefined;
  /** How a request ended. */
  readonly result?: string | undefined;
  /** What is known of a copy; in a daemon's words, of a layer. */
  readonly state?: string | undefined;
  /** Place beside the source that gave the image: docker, containerd, agents. */
  readonly origin?: string | undefined;
  /** Index that a copy is one platform of. */
  readonly index?: string | undefined;
  readonly platform?: string | undefined;
  /** Does this node hold the image? */
  readonly held?: boolean | undefined;
  /** What a daemon calls a layer: the first digits of a digest. */
  readonly layer?: string | undefined;
  /** How a layer came to be in the backup registry. */
  readonly pushed?: string | undefined;
  readonly reason?: string | undefined;
  /** Name of the rule that decided. */
  readonly rule?: string | undefined;
  /** As the OCI image spec writes them: `linux/amd64`. */
  readonly platforms?: readonly string[] | undefined;
  /** Keys of the configuration. */
  readonly keys?: readonly string[] | undefined;
  /** What a user reads of us, or of a registry. */
  readonly message?: string | undefined;
  readonly status?: number | undefined;
  readonly address?: string | undefined;
  readonly method?: string | undefined;
  readonly path?: string | undefined;
  readonly version?: string | undefined;
  /** RFC 3339. */
  readonly expires?: string | undefined;
  /** Logged as code, message with causes, and a stack where the error has no code of its own. */
  readonly error?: unknown;
}

/** Writes one line: fixed keys first, then a constant message. */
type LogLine = (fields: LogFields, message: string) => void;

export interface Logger {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  readonly fatal: LogLine;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'auto' | 'json' | 'text';

/** Where lines go; standard output unless told otherwise. */
export interface LogDestination extends DestinationStream {
  readonly isTTY?: boolean;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `auto`: text where a person looks on (a terminal), JSON elsewhere. */
  readonly format: LogFormat;
  readonly destination?: LogDestination;
}

/**
 * A second fence behind "never log a secret": whoever hands over a whole object by mistake leaks none of these.
 * pino looks at the paths named only, hence each name on two levels.
 */
const SECRET_NAMES = ['password', 'secret', 'token', 'auth', 'authorization', 'key', 'cookie'];
const REDACT = { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`]), censor: '[hidden]' };

/**
 * The program's log: one line a call on standard output, JSON keys `level`, `time`, then the fields, `msg`.
 * Lines are written synchronously, so that the last words of a dying process are not lost.
 */
export async function createLogger(options: LoggerOptions): Promise<Logger> {
  const { level } = options;
  const stream = isText(options) ? await textStream(options) : outputOf(options);
  const logger: Logger = pino(
    {
      level,
      // Neither pid nor host name: in a cluster the log collector adds the pod, on a terminal they are noise.
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: describeError },
      redact: REDACT,
    },
    stream,
  );
  return logger;
}

function isText({ format, destination: stream }: LoggerOptions): boolean {
  if (format !== 'auto') return format === 'text';
  return isTerminal(stream);
}

function isTerminal(stream: LogDestination | undefined): boolean {
  return stream === undefined ? isatty(process.stdout.fd) : stream.isTTY === true;
}

function outputOf({ destination: stream }: LoggerOptions): DestinationStream {
  return stream ?? destination({ sync: true });
}

/** Loaded only here: in a cluster nobody pays for colours. A plain call and not a worker, so that no line is late. */
async function textStream(options: LoggerOptions): Promise<DestinationStream> {
  const { prettyFactory } = await import('pino-pretty');
  const prettify = prettyFactory({
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss',
    // Left to the library on a terminal: it knows NO_COLOR and TERM=dumb.
    ...(isTerminal(options.destination) ? {} : { colorize: false }),
  });
  const output = outputOf(options);
  return { write: (line) => output.write(prettify(line)) };
}
