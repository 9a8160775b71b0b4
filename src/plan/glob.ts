/**
 * Matches whole texts. `*` stands for any characters but `/`, `**` for any at all, `?` for one that is no `/`;
 * everything else for itself.
 */
export function globToRegExp(glob: string): RegExp {
  const source = glob.replaceAll(/\*{2,}|\*|\?|[^*?]+/g, (part) => WILDCARDS.get(part) ?? literal(part));
  return new RegExp(`^${source}$`, 's');
}

const WILDCARDS: ReadonlyMap<string, string> = new Map([
  ['**', '.*'],
  ['*', '[^/]*'],
  ['?', '[^/]'],
]);

function literal(part: string): string {
  return part.startsWith('**') ? '.*' : part.replaceAll(/[.+^${}()|[\]\\-]/g, String.raw`\$&`);
}
