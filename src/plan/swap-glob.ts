/**
 * The patterns of Python's `fnmatch`: `*` stands for any characters, `/` too, `?` for one, `[ab]` and `[!ab]` for one of
 * these or none of them.
 */
export function swapGlobToRegExp(glob: string): RegExp {
  const source = glob.replaceAll(/\*+|\?|\[!?\]?[^\]]*\]|[^*?[]+|\[/g, (part) => {
    if (part.startsWith('*')) return '.*';
    if (part === '?') return '.';
    return part.length > 1 && part.startsWith('[') ? classOf(part) : literal(part);
  });
  return new RegExp(`^${source}$`, 's');
}

function classOf(part: string): string {
  const isNegated = part.startsWith('[!');
  const members = part.slice(isNegated ? 2 : 1, -1).replaceAll(/[\\\]^[]/g, String.raw`\$&`);
  return `[${isNegated ? '^' : ''}${members}]`;
}

function literal(part: string): string {
  return part.replaceAll(/[.+^${}()|[\]\\-]/g, String.raw`\$&`);
}
