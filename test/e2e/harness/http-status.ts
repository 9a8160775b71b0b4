import { get } from 'node:http';
import { get as getSecurely } from 'node:https';

/** A server that accepts a connection and then says nothing is asked again. */
const ANSWER_MS = 30_000;

/** The status that a server answers to a GET; its certificate is not looked at. No connection stays open. */
export function statusOf(url: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  const options = { headers, agent: false, rejectUnauthorized: false, timeout: ANSWER_MS };
  return new Promise((resolve, reject) => {
    const request = getOf(url)(url, options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.once('timeout', () =>
      request.destroy(new Error(`Cannot get "${url}": no answer in ${ANSWER_MS} ms`)),
    );
    request.once('error', reject);
  });
}

function getOf(url: string): typeof getSecurely {
  return url.startsWith('https:') ? getSecurely : get;
}
