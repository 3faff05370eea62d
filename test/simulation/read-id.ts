/** Parses an id, independent of the code under test. */
export function readId(id = ''): Map<string, number> {
  const position = new Map<string, number>()
  for (const part of id.slice(0, id.lastIndexOf('-')).split('.')) {
    if (part === '') continue
    position.set(part.slice(0, 5), Number.parseInt(part.slice(5).split('~')[0] as string, 36))
  }
  return position
}
