import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { findCredentials } from '../../../src/discovery/kubernetes/credentials.ts'
import { describe as say } from '../../../src/errors.ts'
import { bareEnvironment } from '../environment.ts'

vi.mock('@kubernetes/client-node', () => {
  throw new Error('Cannot find package')
})

describe('a kubeconfig without @kubernetes/client-node', () => {
  let dir: string
  let restore: () => void

  beforeEach(() => {
    restore = bareEnvironment()
    dir = mkdtempSync(join(tmpdir(), 'sser-'))
    writeFileSync(join(dir, 'config'), '{}')
  })
  afterEach(() => {
    rmSync(dir, { recursive: true })
    restore()
  })

  const fault = async (KUBECONFIG: string) => {
    Object.assign(process.env, { KUBECONFIG })
    return say(
      await findCredentials({ serviceAccountDir: dir })
        .read()
        .catch((error: unknown) => error),
    )
  }

  it('is reported as missing before the package', async () => {
    expect(await fault('/nonexistent/config')).toMatch(
      /^The kubeconfig .nonexistent.config cannot be read: ENOENT/,
    )
    expect(await fault(join(dir, 'config') + delimiter + join(dir, 'none'))).toMatch(
      /cannot be read: ENOENT.*none/,
    )
  })

  it('is named in the error about the missing package', async () => {
    expect(await fault(join(dir, 'config'))).toMatch(
      /^To read the kubeconfig .*config, npm install @kubernetes.client-node/,
    )
    expect(await fault(join(dir, 'config') + delimiter)).toMatch(/npm install/)
  })
})
