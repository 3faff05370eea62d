import * as v from 'valibot'
import { describeValue, SserError, suggestion } from './errors.ts'

/** A whole number that must be given. */
export const whole = (minimum: number, maximum: number = Number.MAX_SAFE_INTEGER): v.GenericSchema<number> =>
  v.pipe(v.number(), v.integer(), v.minValue(minimum), v.maxValue(maximum))

/** A whole number that may be left out. */
export const withDefault = (
  fallback: number,
  minimum: number,
  maximum?: number,
): v.OptionalSchema<v.GenericSchema<number>, number> => v.optional(whole(minimum, maximum), fallback)

/** Returns whether the value is an object that can have named properties, and no list. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
}

/** Returns the options of `call`. @throws SserError `invalid-options` where they are no object. */
export function requireOptions<T extends object>(call: string, options: T): T {
  if (isObject(options)) return options
  throw new SserError(
    'invalid-options',
    `${call}: expected an object of options, got ${describeValue(options)}`,
  )
}

/** Options of another call, which the error names where they are given to this one. */
export interface OtherOptions {
  call: string
  names: readonly string[]
}

/** Checks options against a strict schema; throws `invalid-options`, naming the option and the expected value. */
export function checkOptions<T extends v.StrictObjectSchema<v.ObjectEntries, undefined>>(
  schema: T,
  options: unknown,
  ...others: readonly OtherOptions[]
): v.InferOutput<T> {
  const parsed = v.safeParse(schema, options)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  const name = v.getDotPath(issue) ?? 'options'
  const other = others.find(({ names }) => names.includes(name))
  if (issue.expected === 'never' && other !== undefined)
    throw new SserError('invalid-options', `Option "${name}": pass it to ${other.call}`)
  throw new SserError('invalid-options', `Option "${name}": ${fault(issue, Object.keys(schema.entries))}`)
}

function fault(issue: v.BaseIssue<unknown>, names: readonly string[]): string {
  // The message of a check names the expected value itself, because some received values must not be repeated.
  if (issue.type === 'check') return issue.message
  if (issue.type === 'strict_object' && issue.expected === 'never')
    return `there is no such option${suggestion(String(v.getDotPath(issue)), names)}`
  if (issue.type === 'strict_object' && issue.path !== undefined) return 'must be given'
  return `expected ${expectation(issue)}, got ${issue.received}`
}

function expectation({ type, message, expected }: v.BaseIssue<unknown>): string | null {
  if (type === 'number' || type === 'integer') return 'a whole number'
  return type === 'custom' ? message : expected
}
