/**
 * FNV-1a hash of the text, by its UTF-16 units; `before` continues from the hash of the text before it.
 * @see https://datatracker.ietf.org/doc/html/draft-eastlake-fnv
 */
export function fnv1a(text: string, before = 0x811c9dc5): number {
  let hash = before
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}
