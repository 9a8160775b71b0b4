import { describeSettings, type SettingDescription } from '../config/description.ts';

/** The table of settings for the README: between `<!-- settings:begin -->` and `<!-- settings:end -->`. */
export function settingsMarkdown(): string {
  const rows = describeSettings().map(({ path, variable, initial, what, wanted }) => [
    `\`${path}\``,
    variable === undefined ? 'in the file only' : `\`${variable}\``,
    code(initial),
    `${what} Wanted: ${wanted}.`,
  ]);
  const head = [
    ['Key', 'Variable', 'Default', 'What it does'],
    ['---', '---', '---', '---'],
  ];
  return [...head, ...rows].map((row) => `| ${row.map(escaped).join(' | ')} |\n`).join('');
}

/** What is a value and no sentence is set as code. */
function code(initial: string): string {
  return initial.includes(' ') || initial === 'none' ? initial : `\`${initial}\``;
}

function escaped(cell: string): string {
  return cell.replaceAll('|', String.raw`\|`).replaceAll('<', '&lt;');
}

/** The same for a terminal. */
export function settingsHelp(): string {
  return `Settings (key, variable, default):\n\n${describeSettings().map(entry).join('\n')}`;
}

const TERMINAL_WIDTH = 96;

function entry({ path, variable, initial, what, wanted }: SettingDescription): string {
  const text = wrapped(`${what} Wanted: ${wanted}.`, TERMINAL_WIDTH);
  return [
    `  ${path}  ${variable ?? '(in the file only)'}  (${initial})`,
    ...text.map((line) => `      ${line}`),
    '',
  ].join('\n');
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length >= width) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}
