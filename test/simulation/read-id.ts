let last: { id: string; position: ReadonlyMap<string, number> } = { id: '', position: new Map() }

/** Parses an id, independent of the code under test. All clients of a Pod get one id, so the last one is kept. */
export function readId(id = ''): ReadonlyMap<string, number> {
  if (id !== last.id) last = { id, position: parse(id) }
  return last.position
}

function parse(id: string): Map<string, number> {
  const position = new Map<string, number>()
  for (const part of id.slice(0, id.lastIndexOf('-')).split('.')) {
    if (part === '') continue
    position.set(part.slice(0, 5), Number.parseInt(part.slice(5).split('~')[0] as string, 36))
  }
  return position
}
