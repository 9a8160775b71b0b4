/** One line of a registry's access log. */
export interface LoggedRequest {
  readonly method: string;
  /** With the query, as it was sent. */
  readonly path: string;
  readonly status: number;
}

/** The common part of Apache's log formats, which docker-registry and distribution write. */
const LINE = /"(?<method>[A-Z]+) (?<path>\S+) HTTP\/[\d.]+" (?<status>\d{3}) /;

/** The requests in a log, in the order in which they were answered. Other lines are passed over. */
export function loggedRequests(log: string): readonly LoggedRequest[] {
  return log.split('\n').flatMap((line) => {
    const { method, path, status } = LINE.exec(line)?.groups ?? {};
    if (method === undefined || path === undefined) return [];
    return [{ method, path, status: Number(status) }];
  });
}
