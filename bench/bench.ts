import { cpus } from 'node:os';
import { output } from '../test/e2e/harness/command.ts';
import { programOf } from '../test/e2e/harness/part.ts';
import type { Case } from './case.ts';
import { type Options, parseOptions, USAGE, UsageError } from './options.ts';
import { OWN_CHECKOUT, ownTool } from './own.ts';
import { installedPeers } from './peer.ts';
import { type CaseResult, reportOf, type ToolResult } from './report.ts';
import { type Run, runOnce } from './run.ts';
import { Shelf } from './shelf.ts';
import { Warehouse } from './stage.ts';
import type { Tool } from './tool.ts';

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(USAGE);
  else await bench(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function bench(options: Options): Promise<void> {
  const tools = await toolsFor(options);
  const machine = await describeMachine(tools);
  if (!options.json) console.log(`${machine}\n`);
  const warehouse = await Warehouse.open();
  const results: CaseResult[] = [];
  try {
    const shelf = new Shelf(warehouse);
    for (const testCase of options.cases) {
      const result = await runCase(testCase, tools, shelf, options.rounds);
      results.push(result);
      if (!options.json) console.log(reportOf(result));
    }
  } finally {
    await warehouse.close();
  }
  if (options.json) console.log(JSON.stringify({ machine, results }, null, 2));
}

async function toolsFor({ tools: wanted, other }: Options): Promise<readonly Tool[]> {
  const { tools: peers, missing } = installedPeers();
  for (const line of missing) console.error(`bench: goes without a tool. ${line}`);
  const own = [await ownTool(OWN_CHECKOUT), ...(other === undefined ? [] : [await ownTool(other, 'other')])];
  const all = [...own, ...peers];
  return wanted === undefined ? all : all.filter(({ name }) => wanted.includes(name));
}

/** What has to be known to compare these numbers with others. */
async function describeMachine(tools: readonly Tool[]): Promise<string> {
  const registry = await output(programOf('docker-registry'), ['--version']);
  const versions = await Promise.all(tools.map(async (tool) => `${tool.name} ${await tool.version()}`));
  const processors = cpus();
  return [
    `${new Date().toISOString().slice(0, 10)}, ${processors.length} × ${processors[0]?.model ?? 'unknown'}`,
    `Node ${process.version}`,
    `docker-registry ${/\d+\.\d+\.\d+\S*/.exec(registry)?.[0] ?? ''}`,
    ...versions,
  ].join(', ');
}

/** All tools take turns in each round, so that a machine that gets slower does so for all of them. */
async function runCase(
  testCase: Case,
  tools: readonly Tool[],
  shelf: Shelf,
  rounds: number,
): Promise<CaseResult> {
  const images = await shelf.imagesOf(testCase.subject);
  const able = tools.filter(({ copiesMany }) => copiesMany || !testCase.atOnce);
  const source = await shelf.hostFor(testCase);
  function run(tool: Tool, isCounted: boolean): Promise<Run> {
    return runOnce({ tool, testCase, source, images, isCounted });
  }
  const counted = await inTurn(able, (tool) => run(tool, true));
  const runs: Run[][] = [];
  for (let round = 0; round < rounds; round++) runs.push(await inTurn(able, (tool) => run(tool, false)));
  const results = able.flatMap((tool, index): readonly ToolResult[] => {
    const count = counted[index];
    return count === undefined
      ? []
      : [{ tool: tool.name, counted: count, runs: runs.flatMap((round) => round[index] ?? []) }];
  });
  return { testCase, results };
}

async function inTurn<T>(tools: readonly Tool[], act: (tool: Tool) => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  for (const tool of tools) done.push(await act(tool));
  return done;
}
