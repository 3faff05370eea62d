import { KubeConfig } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { KubernetesPeerFinder, type KubernetesPeerFinderOptions } from '../../../src/kubernetes.ts'

const refusal = (...words: string[]) =>
  expect.objectContaining({
    code: 'invalid-options',
    message: expect.stringMatching(new RegExp(words.map((word) => RegExp.escape(word)).join('.*'))),
  })

const make = (options: object) => () => new KubernetesPeerFinder(options as KubernetesPeerFinderOptions)

describe('a label selector', () => {
  it.each([
    'app=web',
    'app==web',
    ' app = web , tier != cache ',
    'app.kubernetes.io/name=web,!canary',
    'app in (web, admin),version notin (v1)',
    'app',
    'app=',
    'build>7',
    'app in (web,)',
  ])('can be %j', (labelSelector) => {
    expect(make({ labelSelector })).not.toThrow()
  })

  it.each([
    '',
    ' ',
    ',',
    'app=web,',
    '=web',
    'app=we b',
    'app=(web)',
    'app in web',
    '-app=web',
    'a/b/c=d',
    'app&x=1',
  ])('cannot be %j', (labelSelector) => {
    expect(make({ labelSelector })).toThrow(refusal('"labelSelector"', `"${labelSelector}"`, 'app=web'))
  })
})

describe('KubernetesPeerFinder', () => {
  it('requires either a label selector or a Service', () => {
    expect(make({})).toThrow(refusal('"labelSelector"', 'or "service"'))
    expect(make({ labelSelector: 'app=web', service: 'web' })).toThrow(refusal('and not both'))
    expect(make({ service: 'web' })).not.toThrow()
  })

  it.each([
    ['namespace', 'Shop'],
    ['service', 'web.shop'],
    ['namespace', ''],
    ['service', '../secrets'],
  ])('rejects a %s of %j', (option, name) => {
    const others = option === 'service' ? {} : { labelSelector: 'app=web' }
    expect(make({ ...others, [option]: name })).toThrow(
      refusal(`"${option}"`, `"${name}"`, 'cannot be a name'),
    )
  })

  it.each([
    [{ port: 0 }, ['"port"', '>=1', '0']],
    [{ port: '7000' }, ['"port"', 'number']],
    [{ family: 'ipv6' }, ['"family"', '"IPv4"']],
    [{ kubeConfig: {} }, ['"kubeConfig"', 'KubeConfig of @kubernetes/client-node']],
    [{ serviceAccountDir: '' }, ['"serviceAccountDir"']],
    [{ onError: 'log' }, ['"onError"', 'Function']],
    [{ selector: 'app=web' }, ['"selector"', 'no such option', 'labelSelector']],
  ])('rejects %j', (options, words) => {
    expect(make({ labelSelector: 'app=web', ...options })).toThrow(refusal(...words))
  })

  it.each([undefined, null, 'app=web', 7, ['app=web']])('rejects %j in place of its options', (options) => {
    expect(make(options as unknown as object)).toThrow(
      refusal(
        "new KubernetesPeerFinder(): expected options such as { labelSelector: 'app=web' }",
        `got ${JSON.stringify(options)}`,
      ),
    )
  })

  it('accepts a KubeConfig of the client library', () => {
    const kubeConfig = new KubeConfig()
    expect(() => new KubernetesPeerFinder({ labelSelector: 'app=web', kubeConfig })).not.toThrow()
  })

  it('is idle before it is started', () => {
    expect(new KubernetesPeerFinder({ labelSelector: 'app=web' }).status()).toEqual({
      state: 'idle',
      peers: 0,
      syncAgeMs: undefined,
      relists: 0,
      watchRestarts: 0,
      lastError: undefined,
      requests: 0,
      bytes: 0,
    })
  })
})
