/** The fields of the JSON object of one of the server's own blocks; none where it is not one. */
export function fieldsOf(data = ''): Readonly<Record<string, unknown>> {
  try {
    const fields: unknown = JSON.parse(data)
    return typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
