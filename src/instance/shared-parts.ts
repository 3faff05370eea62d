import type { Clock } from '../clock.ts'
import type { Settings } from '../internals.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { Logging } from '../telemetry/logging.ts'

/** Parts of an instance that most of the others use. */
export interface SharedParts {
  settings: Settings
  clock: Clock
  logging: Logging
  errors: ErrorReporter
  counters: Counters
}
