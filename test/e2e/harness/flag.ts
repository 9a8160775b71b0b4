/** `{ 'secure-port': 443 }` as `--secure-port=443` */
export function flagsOf(flags: Readonly<Record<string, string | number | boolean>>): readonly string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}
