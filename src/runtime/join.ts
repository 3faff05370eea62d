import * as v from 'valibot'
import { checkOptions, hasMethods } from '../validation.ts'
import { type JoinOptions, joinEntries, SSER_OPTIONS } from './join-options.ts'
import type { PublicServer } from './listener.ts'
import { type RunningPod, type Runtime, runPod } from './running-pod.ts'

/** How a runtime closes a server that belongs to the app. */
interface Adoption<Server> {
  /** Methods of such a server, and the words for it in an error. */
  methods: readonly string[]
  expected: string
  adopt(server: Server): PublicServer
}

/** `join()` on any runtime. */
export async function joinFleet<Server>(
  runtime: Runtime,
  options: JoinOptions & { server?: Server | undefined },
  { methods, expected, adopt }: Adoption<Server>,
): Promise<RunningPod> {
  const isServer = v.custom<Server>((value) => hasMethods(value, methods), expected)
  checkOptions(v.strictObject({ ...joinEntries, server: v.optional(isServer) }), options, SSER_OPTIONS)
  const { server } = options
  return runPod(runtime, options, { server: server && adopt(server) })
}
