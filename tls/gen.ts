import { GenError } from './gen-error.ts';
import { type Generated, generate, PATHS } from './generate.ts';
import { parseWishes, USAGE } from './wishes.ts';

await main(process.argv.slice(2)).catch(complain);

async function main(args: readonly string[]): Promise<void> {
  const wishes = parseWishes(args);
  if (wishes === undefined) console.log(USAGE);
  else report(await generate(wishes));
}

function report(generated: Generated): void {
  const { authority, authorityValidTo, names, serverValidTo, keyWasOpen } = generated;
  const origin = authority.kept ? 'kept' : 'new';
  const others = authority.trusted.length - 1;
  say(PATHS.authority, `${origin} authority, valid until ${day(authorityValidTo)}`);
  say(PATHS.server, `new certificate, valid until ${day(serverValidTo)}, for ${names.join(', ')}`);
  say(PATHS.secret, 'the Secret with the certificate and its key');
  say(PATHS.agentSecret, 'for the agents of the nodes, if there are any: the Secret with their certificate');
  say(PATHS.clientSecret, 'the Secret with the certificate that the webhook asks them with');
  say(
    PATHS.webhook,
    `the webhook configuration, trusts this authority${others === 0 ? '' : ` and ${others} earlier`}`,
  );
  if (authority.kept && keyWasOpen) {
    console.error(`gen: ${PATHS.authorityKey} was open to others until now, consider --new-authority`);
  }
}

function say(file: string, meaning: string): void {
  const longest = Math.max(...Object.values(PATHS).map(({ length }) => length));
  console.log(`${file.padEnd(longest)}  ${meaning}`);
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function complain(error: unknown): void {
  if (!(error instanceof GenError)) throw error;
  const isUsage = error.code === 'BAD_ARGUMENT';
  console.error(`gen: ${error.message}${isUsage ? ' (see --help)' : ''}`);
  process.exitCode = isUsage ? 2 : 1;
}
