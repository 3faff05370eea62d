/**
 * The interface of Standard Schema, copied as its specification asks: Zod, Valibot, ArkType and others implement it.
 * @see https://standardschema.dev/schema
 */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly '~standard': StandardProps<Input, Output>
}

interface StandardProps<Input, Output> {
  readonly version: 1
  readonly vendor: string
  readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
  /** Inferred types; they exist for the compiler alone. */
  readonly types?: { readonly input: Input; readonly output: Output } | undefined
}

/** Result of a validation: a value, or the issues. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

/** One reason why a schema rejects a value. */
export interface StandardIssue {
  readonly message: string
  /** Way to the part that it rejects. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}
