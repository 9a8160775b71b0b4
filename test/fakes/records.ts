import { EventEmitter, once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** One request as it came in, for assertions. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Number of the connection it came on, from 1. */
  readonly connection: number;
  /** Bytes of its body that were read. */
  bodyBytes: number;
  /** Undefined until it was answered, and for good when its connection was cut before. */
  status: number | undefined;
}

/** The requests of one server, in the order of arrival. */
export class Records {
  readonly #all: RecordedRequest[] = [];
  readonly #arrivals = new EventEmitter();

  add(request: IncomingMessage, connection: number): RecordedRequest {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake');
    const { method = '', headers } = request;
    const came = { method, path: pathname, query: searchParams, headers, connection };
    const record: RecordedRequest = { ...came, bodyBytes: 0, status: undefined };
    this.#all.push(record);
    this.#arrivals.emit('arrival');
    return record;
  }

  list(method?: string, path?: RegExp): readonly RecordedRequest[] {
    return this.#all.filter((record) => isLike(record, method, path));
  }

  async seen(method?: string, path?: RegExp, times = 1): Promise<void> {
    while (this.list(method, path).length < times) await once(this.#arrivals, 'arrival');
  }
}

function isLike(record: RecordedRequest, method: string | undefined, path: RegExp | undefined): boolean {
  return (
    (method === undefined || record.method === method) &&
    (path === undefined || path.test(`${record.path}?${record.query.toString()}`))
  );
}
