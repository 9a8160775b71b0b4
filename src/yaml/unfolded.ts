/**
 * How many values a document holds when each alias is replaced by what it stands for. Aliases are references to one
 * value, so reading them costs nothing; but nine lines of them can unfold to a billion values for whoever walks the
 * tree afterwards.
 * @returns Infinity where a value holds itself
 */
export function unfoldedSize(value: unknown, known: Map<object, number> = new Map()): number {
  if (typeof value !== 'object' || value === null) return 1;
  const counted = known.get(value);
  if (counted !== undefined) return counted;
  // Until it is counted: whoever meets it inside of itself would count for ever.
  known.set(value, Number.POSITIVE_INFINITY);
  const size = Object.values(value).reduce<number>((sum, inner) => sum + unfoldedSize(inner, known), 1);
  known.set(value, size);
  return size;
}
