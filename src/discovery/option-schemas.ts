import * as v from 'valibot'
import type { Clock } from '../clock.ts'
import type { OnError } from '../telemetry/error-reporter.ts'
import type { Family } from './address.ts'

/** Schemas of the options that `DnsPeerFinder` and `KubernetesPeerFinder` share. */
export const commonOptions: {
  readonly port: v.OptionalSchema<v.GenericSchema<number>, undefined>
  readonly family: v.OptionalSchema<v.GenericSchema<Family>, undefined>
  readonly onError: v.OptionalSchema<v.GenericSchema<OnError>, undefined>
  readonly clock: v.OptionalSchema<v.GenericSchema<Clock>, undefined>
} = {
  port: v.optional(wholeNumber(1, 65_535)),
  family: v.optional(v.custom<Family>((value) => value === 'IPv4' || value === 'IPv6', "'IPv4' or 'IPv6'")),
  onError: v.optional(v.custom<OnError>((value) => typeof value === 'function', 'a function')),
  clock: v.optional(v.custom<Clock>(isObject, 'a Clock')),
}

export function wholeNumber(minimum: number, maximum: number): v.GenericSchema<number> {
  return v.custom<number>(
    (value) => Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum,
    `a whole number from ${minimum.toLocaleString('en')} to ${maximum.toLocaleString('en')}`,
  )
}

/** A string that is not empty; `expected` describes it in errors. */
export function text(expected: string): v.GenericSchema<string> {
  return v.custom<string>((value) => typeof value === 'string' && value !== '', expected)
}

export function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
