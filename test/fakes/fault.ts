import type { Answer } from './answer.ts';
import type { Edit } from './edit.ts';

/** Which requests a fault is played on. */
interface Match {
  /** Default: every method. */
  readonly method?: string;
  /** Tried against path and query as they were sent: `/v2/app/blobs/uploads/?mount=…`. */
  readonly path: RegExp;
  /** First hit the fault is played on, from 1. Alone it means that hit only. */
  readonly nth?: number;
  /** For how many hits, from `nth` on. Default: every hit, or one where `nth` is given. */
  readonly times?: number;
}

/** What happens then. Fields may be combined; they are played in this order. */
interface Play {
  /** The request is held until this settles. */
  readonly wait?: Promise<unknown>;
  /** The connection is reset once so many bytes of the request's body were read; 0 is before the first. */
  readonly cutAfterRequestBytes?: number;
  /** `answer` goes out once so many bytes of the request's body were read; the rest is read and thrown away. */
  readonly answerAfterRequestBytes?: number;
  /** Goes out in place of the server's own answer; the server does not even see the request. */
  readonly answer?: Answer;
  readonly edit?: Edit;
  /** The answer's body halts after so many bytes until the promise settles. */
  readonly pause?: { readonly afterBytes: number; readonly until: Promise<unknown> };
  /** The connection is closed after so many bytes of the answer's body, below a length header that promised all. */
  readonly cutAfterResponseBytes?: number;
}

export interface Fault extends Match, Play {}

/** The faults of one server, with a count of hits for each. */
export class Script {
  readonly #lines: { readonly fault: Fault; hits: number }[] = [];

  constructor(faults: readonly Fault[]) {
    for (const fault of faults) this.add(fault);
  }

  add(fault: Fault): void {
    this.#lines.push({ fault, hits: 0 });
  }

  /** What to play on this request: the first fault that wants it. Every match counts as a hit of its fault. */
  next(method: string, pathAndQuery: string): Play {
    const matching = this.#lines.filter(({ fault }) => matches(fault, method, pathAndQuery));
    for (const line of matching) line.hits += 1;
    return matching.find(({ fault, hits }) => isDue(fault, hits))?.fault ?? {};
  }
}

function matches(fault: Match, method: string, pathAndQuery: string): boolean {
  return (fault.method === undefined || fault.method === method) && fault.path.test(pathAndQuery);
}

function isDue({ nth, times }: Match, hit: number): boolean {
  const first = nth ?? 1;
  const length = times ?? (nth === undefined ? Number.POSITIVE_INFINITY : 1);
  return hit >= first && hit < first + length;
}
