import { isRecord } from '../image/descriptor.ts';
import { DockerError, daemonSaid } from './docker-error.ts';

/** One object of the stream that answers a pull or a push (moby, `jsonstream.Message`): what of it we use. */
export interface Message {
  readonly status: string;
  /** Short id of a layer, or the tag; empty where it is about the whole image. */
  readonly id: string;
  /** Bytes, where they are known. */
  readonly current?: number;
  readonly total?: number;
}

/** Lines have some 200 characters; errors quote what a registry said. */
const LONGEST_LINE = 1024 * 1024;

/**
 * Reads the stream to its end. Its status was 200 before anything was tried, so an error comes as one of the objects.
 * @throws DockerError for that error too
 */
export async function* messagesOf(
  chunks: AsyncIterable<Uint8Array>,
  operation: string,
): AsyncGenerator<Message> {
  for await (const line of linesOf(chunks, operation)) yield readMessage(line, operation);
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>, operation: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST_LINE)
      throw new DockerError(`wanted lines of at most ${LONGEST_LINE} characters`, {
        code: 'TOO_LARGE',
        operation,
      });
    yield* lines.filter(isNotBlank);
  }
  if (isNotBlank(rest)) yield rest;
}

function isNotBlank(line: string): boolean {
  return line.trim() !== '';
}

function readMessage(line: string, operation: string): Message {
  const value = parse(line);
  if (!isRecord(value)) throw new DockerError('wanted JSON objects', { code: 'PROTOCOL', operation });
  const fault = faultOf(value);
  if (fault !== undefined) throw daemonSaid(fault, operation);
  return { status: textOf(value['status']), id: textOf(value['id']), ...bytesOf(value['progressDetail']) };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** `error` repeats the message of `errorDetail` for old clients, and may become empty (API 1.48). */
function faultOf({ error, errorDetail }: Record<string, unknown>): string | undefined {
  if (isRecord(errorDetail)) return textOf(errorDetail['message']) || textOf(error) || 'it does not say why';
  return typeof error === 'string' && error !== '' ? error : undefined;
}

function bytesOf(detail: unknown): Pick<Message, 'current' | 'total'> {
  if (!isRecord(detail)) return {};
  const { current, total } = detail;
  return {
    ...(isCount(current) && { current }),
    // 0 stands for a size that is not known.
    ...(isCount(total) && total > 0 && { total }),
  };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
