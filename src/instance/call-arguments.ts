import { SserError } from '../errors.ts'
import { describeValue, suggestion } from '../printable.ts'
import { isObject } from '../validation.ts'

const SEND_OPTIONS = ['event', 'idempotencyKey', 'traceparent', 'signal']
const DISCONNECT_OPTIONS = ['signal']
const SELECTOR_KEYS = ['stream', 'tag']

/** Returns the error where `options` are not options of `send()`. */
export function checkSendOptions(options: object): SserError | undefined {
  return checkObject('send()', 'option', options, SEND_OPTIONS, "options such as { event: 'created' }")
}

/** Returns the error where `selector` and `options` are not arguments of `disconnect()`. */
export function checkSelector(selector: object, options: object): SserError | undefined {
  const expected = 'a selector such as { stream } or { tag }'
  const fault =
    checkObject('disconnect()', 'selector', selector, SELECTOR_KEYS, expected) ??
    checkObject('disconnect()', 'option', options, DISCONNECT_OPTIONS, 'options such as { signal }')
  if (fault !== undefined) return fault
  const { stream, tag } = selector as { stream?: unknown; tag?: unknown }
  if (stream !== undefined || tag !== undefined) return undefined
  return new SserError('empty-selector', 'disconnect(): expected a stream, a tag, or both, got neither')
}

function checkObject(
  call: string,
  noun: string,
  value: object,
  names: readonly string[],
  expected: string,
): SserError | undefined {
  if (!isObject(value))
    return new SserError('invalid-argument', `${call}: expected ${expected}, got ${describeValue(value)}`)
  for (const name in value) {
    if (names.includes(name)) continue
    return new SserError(
      'invalid-argument',
      `${call}: there is no ${noun} ${describeValue(name)}${suggestion(name, names)}`,
    )
  }
  return undefined
}
