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
    expect(make({ labelSelector })).toThrow(refusal('"labelSelector"', 'app=web', `got "${labelSelector}"`))
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
      refusal(`"${option}"`, `expected the name of a`, `got "${name}"`),
    )
  })

  it.each([
    [{ port: 0 }, ['"port"', 'a whole number from 1 to 65,535', 'got 0']],
    [{ port: '7000' }, ['"port"', 'a whole number from 1 to 65,535', 'got "7000"']],
    [{ port: 1.5 }, ['"port"', 'a whole number', 'got 1.5']],
    [{ clock: 5 }, ['"clock"', 'expected a Clock, got 5']],
    [{ namespace: 7 }, ['"namespace"', 'expected the name of a namespace', 'got 7']],
    [{ family: 'ipv6' }, ['"family"', "expected 'IPv4' or 'IPv6'", 'got "ipv6"']],
    [{ kubeConfig: {} }, ['"kubeConfig"', 'KubeConfig of @kubernetes/client-node']],
    [{ kubeConfig: 'x' }, ['"kubeConfig"', 'KubeConfig of @kubernetes/client-node', 'got "x"']],
    [{ serviceAccountDir: '' }, ['"serviceAccountDir"', 'the path of a folder', 'got ""']],
    [{ onError: 'log' }, ['"onError"', 'expected a function, got "log"']],
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
