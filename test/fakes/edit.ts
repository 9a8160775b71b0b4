import { gzipSync } from 'node:zlib';
import type { Answer } from './answer.ts';

/** Spoils an answer that was right. */
export type Edit = (answer: Answer) => Answer;

/** A complete answer that ends too early: its length header agrees with the body. */
export function shortBody(missing: number): Edit {
  return (answer) => ({
    ...answer,
    body: answer.body.subarray(0, Math.max(answer.body.length - missing, 0)),
  });
}

export function longBody(extra: number): Edit {
  return (answer) => ({ ...answer, body: Buffer.concat([answer.body, Buffer.alloc(extra, 'x')]) });
}

/** The right length and wrong content: the last bit is turned, which only the digest can tell. */
export function flippedBody(answer: Answer): Answer {
  const body = Buffer.from(answer.body);
  const last = body.length - 1;
  if (last >= 0) body.writeUInt8(body.readUInt8(last) ^ 1, last);
  return { ...answer, body };
}

/** As proxies do that compress whatever passes, whether it was asked for or not. */
export function gzippedBody(answer: Answer): Answer {
  const headers = { ...answer.headers, 'content-encoding': 'gzip' };
  return { ...answer, headers, body: gzipSync(answer.body) };
}

/** Without a length header. */
export function chunkedBody(answer: Answer): Answer {
  return { ...answer, headers: { ...answer.headers, 'transfer-encoding': 'chunked' } };
}

export function withHeaders(headers: Answer['headers']): Edit {
  return (answer) => ({ ...answer, headers: { ...answer.headers, ...headers } });
}

/** @param names in lower case */
export function withoutHeaders(...names: readonly string[]): Edit {
  return (answer) => {
    const kept = Object.entries(answer.headers).filter(([name]) => !names.includes(name));
    return { ...answer, headers: Object.fromEntries(kept) };
  };
}

/** What some registries say instead of 404: 403 (Artifactory) or even 200. */
export function absentAs(status: number): Edit {
  return (answer) => (answer.status === 404 ? { ...answer, status } : answer);
}

/** Writes the Location anew; given as path and query, the form in which the fake sends it. */
export function relocated(location: (pathAndQuery: string) => string): Edit {
  return (answer) => {
    const own = answer.headers['location'];
    return typeof own === 'string' ? withHeaders({ location: location(own) })(answer) : answer;
  };
}
