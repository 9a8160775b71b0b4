import { type IncomingHttpHeaders, request } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** An answer, whatever its status. */
export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Sends one request on a connection of its own. The path goes out as it is written, dots and all.
 * @param line method and path: `GET /v2/`
 */
export async function ask(
  url: string,
  line: string,
  { headers = {}, body = '' }: AskOptions = {},
): Promise<Got> {
  const [method = '', path = ''] = line.split(' ');
  const { hostname, port } = new URL(url);
  const length = 'transfer-encoding' in headers ? {} : { 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const options = {
      method,
      path,
      hostname,
      port,
      agent: false,
      headers: { ...length, ...headers },
    } as const;
    const sent = request(options, (answer) => {
      const { statusCode = 0, headers: got } = answer;
      buffer(answer).then((bytes) => resolve({ status: statusCode, headers: got, body: bytes }), reject);
    });
    sent.once('error', reject).end(body);
  });
}
