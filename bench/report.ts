import type { Case } from './case.ts';
import type { Run } from './run.ts';
import { median, pairedRatio } from './statistics.ts';
import { SUBJECTS } from './subject.ts';
import { type Column, tableOf } from './table.ts';
import { YARDSTICK } from './tool.ts';

/** Everything that one tool did in one case. */
export interface ToolResult {
  readonly tool: string;
  /** One for each round. */
  readonly runs: readonly Run[];
  /** The run with proxies in between, where requests were counted. */
  readonly counted: Run;
}

export interface CaseResult {
  readonly testCase: Case;
  readonly results: readonly ToolResult[];
}

/** One case as Markdown: a heading, and a table with a line for each tool. */
export function reportOf({ testCase, results }: CaseResult): string {
  return `### ${testCase.name}: ${titleOf(testCase)}\n\n${tableOf(columnsFor(results), results)}\n`;
}

export function titleOf({ subject, delayMs, wantsTokens, speaksTls, isPresent }: Case): string {
  const parts = [
    SUBJECTS[subject].title,
    ...(isPresent ? ['already there'] : []),
    ...(delayMs > 0 ? [`${delayMs} ms more for each request`] : []),
    ...(speaksTls ? ['TLS'] : []),
    ...(wantsTokens ? ['Bearer tokens'] : []),
  ];
  return parts.join('; ');
}

function columnsFor(results: readonly ToolResult[]): readonly Column<ToolResult>[] {
  const yardstick = results.find(({ tool }) => tool === YARDSTICK);
  return [
    { heading: 'tool', cell: ({ tool }) => tool },
    { heading: 'wall ms', cell: ({ runs }) => whole(median(wallsOf(runs))) },
    { heading: `× ${YARDSTICK}`, cell: ({ runs }) => ratio(wallsOf(runs), wallsOf(yardstick?.runs ?? [])) },
    { heading: 'CPU ms', cell: ({ runs }) => whole(median(runs.map(({ cost }) => cost.cpuMs))) },
    { heading: 'peak MB', cell: ({ runs }) => whole(median(runs.map(({ cost }) => cost.peakBytes)) / MEGA) },
    { heading: 'requests', cell: ({ counted }) => whole(requestsOf(counted)) },
    { heading: 'source', cell: ({ counted }) => whole(counted.journey?.source.requests) },
    { heading: 'target', cell: ({ counted }) => whole(counted.journey?.target.requests) },
    { heading: 'tokens', cell: ({ counted }) => whole(counted.journey?.tokens) },
    { heading: 'connections', cell: ({ counted }) => connectionsOf(counted) },
    { heading: 'MB read', cell: ({ counted }) => megabytes(counted.journey?.source.bytesReceived) },
    { heading: 'MB sent', cell: ({ counted }) => megabytes(counted.journey?.target.bytesSent) },
  ];
}

const MEGA = 1_000_000;

function wallsOf(runs: readonly Run[]): readonly number[] {
  return runs.map(({ cost }) => cost.wallMs);
}

/** At the registries; what the token server is asked is counted apart. */
function requestsOf({ journey }: Run): number | undefined {
  return journey === undefined ? undefined : journey.source.requests + journey.target.requests;
}

function connectionsOf({ journey }: Run): string {
  return journey === undefined ? NOTHING : `${journey.source.connections}/${journey.target.connections}`;
}

function ratio(values: readonly number[], others: readonly number[]): string {
  const found = pairedRatio(values, others);
  return Number.isNaN(found) ? NOTHING : found.toFixed(2);
}

function whole(value: number | undefined): string {
  return value === undefined ? NOTHING : value.toFixed(0);
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? NOTHING : (bytes / MEGA).toFixed(1);
}

const NOTHING = '–';
