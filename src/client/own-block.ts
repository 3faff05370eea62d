/** The fields of one of the server's own blocks, none where its data is no JSON; undefined for an event of the app. */
export function ownFields(event = '', data = ''): Readonly<Record<string, unknown>> | undefined {
  if (!event.startsWith('sser-')) return undefined
  try {
    return JSON.parse(data) ?? {}
  } catch {
    return {}
  }
}
