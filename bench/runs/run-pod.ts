import { ForkedPod } from '../harness/forked-pod.ts'
import type { Command, Result } from './command.ts'

/** Implementation of a Pod: this package, `resumable-stream` through Redis, or the least that Node can do. */
export type RunPodKind = 'redis' | 'sser' | 'floor'

/** A Pod of the figures of runs, in a process of its own. */
export class RunPod extends ForkedPod<Command, Result> {
  url = ''

  private constructor(kind: RunPodKind, env: Readonly<Record<string, string>>) {
    super(new URL(`./pod-${kind}.ts`, import.meta.url), env)
  }

  static async start(kind: RunPodKind, env: Readonly<Record<string, string>>): Promise<RunPod> {
    const pod = new RunPod(kind, env)
    const { url = '' } = await pod.started(`a Pod of ${kind}`)
    pod.url = url
    return pod
  }
}
