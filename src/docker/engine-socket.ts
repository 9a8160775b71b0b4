import { IncomingMessage } from 'node:http';
import type Dockerode from 'dockerode';
import { isRecord } from '../image/descriptor.ts';
import { asDockerError, type Wanted } from './connection-error.ts';
import { DockerError, daemonSaid } from './docker-error.ts';
import { Silence } from './silence.ts';

/** One request of the Docker Engine API. */
export interface Call extends Wanted {
  /** Default `GET`. */
  readonly method?: 'DELETE' | 'GET' | 'POST';
  /** Below the version: `/images/json`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** `X-Registry-Auth`. */
  readonly registryAuth?: string;
}

interface EngineSocketOptions {
  /** Path of the socket. */
  readonly path: string;
  /** `1.41`; without one the daemon answers in its newest. */
  readonly version?: string;
  readonly longestSilenceMs?: number;
}

/** A daemon says nothing while it unpacks a layer or waits for a registry; larger ones took a minute on slow disks. */
const LONGEST_SILENCE_MS = 5 * 60_000;
/** A list of ten thousand images has 10 MB. */
const LARGEST_ANSWER = 64 * 1024 * 1024;
const LARGEST_MESSAGE = 64 * 1024;

/** dockerode makes errors of unexpected answers only once it has all of them in memory; we read them ourselves. */
const ANY_STATUS = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [100 + index, true]));

/**
 * Requests to a Docker daemon by its unix socket. dockerode carries them, loaded with the first one: who has no socket
 * configured does not pay its 35 MB. What it offers above a single request is not used: it keeps whole answers in
 * memory, throws where nobody can catch it on a line that is no JSON, and cannot be told to stop in most places.
 */
export class EngineSocket {
  readonly #options: EngineSocketOptions;
  #modem: Promise<Dockerode['modem']> | undefined;

  constructor(options: EngineSocketOptions) {
    this.#options = options;
  }

  /** The same socket, in another version of the API. */
  at(version: string): EngineSocket {
    return new EngineSocket({ ...this.#options, version });
  }

  /** The answer's JSON; undefined where it has none. @throws DockerError */
  async json(call: Call): Promise<unknown> {
    const bytes = await collect(await this.stream(call), LARGEST_ANSWER, call);
    if (bytes.length === 0) return undefined;
    try {
      return JSON.parse(bytes.toString('utf8'));
    } catch (cause) {
      throw new DockerError('wanted JSON of the daemon', {
        code: 'PROTOCOL',
        operation: call.operation,
        cause,
      });
    }
  }

  /** The answer's bytes as they come; they end with an error when the answer does not end well. @throws DockerError */
  async stream(call: Call): Promise<AsyncIterable<Buffer>> {
    const silence = new Silence(call.signal, this.#options.longestSilenceMs ?? LONGEST_SILENCE_MS);
    try {
      const response = await this.#send(call, silence.signal);
      const { statusCode: status = 0 } = response;
      const chunks = heard(response, call, silence);
      if (status >= 200 && status < 300) return chunks;
      throw await refusal(chunks, call, status);
    } catch (error) {
      silence.end();
      throw failure(error, call, silence);
    }
  }

  async #send(call: Call, abortSignal: AbortSignal): Promise<IncomingMessage> {
    const { method = 'GET', path, query, registryAuth } = call;
    const modem = await (this.#modem ??= this.#connect());
    return new Promise((resolve, reject) => {
      const request = {
        method,
        path: query === undefined ? path : `${path}?`,
        options: { _query: query, _body: {} },
        ...(registryAuth !== undefined && { authconfig: { key: registryAuth } }),
        isStream: true,
        statusCodes: ANY_STATUS,
        abortSignal,
      };
      // What is asked for as a stream comes as a response, or with an error.
      modem.dial(request, (error, response) =>
        response instanceof IncomingMessage ? resolve(response) : reject(error ?? new Error('no answer')),
      );
    });
  }

  /** What the environment says of another daemon (`DOCKER_HOST` and the like) is not for us. */
  async #connect(): Promise<Dockerode['modem']> {
    const { default: Docker } = await import('dockerode');
    const { path: socketPath, version } = this.#options;
    const options = { socketPath, host: undefined, protocol: 'http', timeout: 0 } as const;
    return new Docker({ ...options, ...(version !== undefined && { version: `v${version}` }) }).modem;
  }
}

async function* heard(response: IncomingMessage, call: Call, silence: Silence): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of response) {
      silence.heard();
      yield chunk;
    }
  } catch (error) {
    throw failure(error, call, silence);
  } finally {
    silence.end();
  }
}

function failure(error: unknown, call: Call, silence: Silence): DockerError {
  if (!silence.wasTooLong || call.signal.aborted || error instanceof DockerError)
    return asDockerError(error, call);
  const why = 'the daemon was silent for too long';
  return new DockerError(why, { code: 'TIMEOUT', operation: call.operation, cause: error });
}

async function refusal(chunks: AsyncIterable<Buffer>, call: Call, status: number): Promise<DockerError> {
  const body = (await collect(chunks, LARGEST_MESSAGE, call)).toString('utf8');
  return daemonSaid(messageOf(body), call.operation, status);
}

/** `{"message": …}`; versions and proxies in front of a socket answer plain text as well. */
function messageOf(body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) && typeof value['message'] === 'string' ? value['message'] : body;
  } catch {
    return body;
  }
}

async function collect(chunks: AsyncIterable<Buffer>, most: number, call: Call): Promise<Buffer> {
  const kept: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > most)
      throw new DockerError(`wanted an answer of at most ${most} bytes`, {
        code: 'TOO_LARGE',
        operation: call.operation,
      });
    kept.push(chunk);
  }
  return Buffer.concat(kept);
}
