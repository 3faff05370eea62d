// npm run docs:pages: writes docs/api.md, docs/options.md and docs/errors.md from the doc comments of the source.
import { readFileSync, writeFileSync } from 'node:fs'
import {
  type Documented,
  documentedMembers,
  documentedProperties,
  documentedSignatures,
  documentedType,
  type Member,
} from './doc-comments.ts'

const ROOT = new URL('../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')

/** The pages by their path, as the source has them now. */
export function pages(): Record<string, string> {
  const instance = documentedProperties(read('src/options.ts'), 'SserOptions')
  const runs = documentedProperties(read('src/options.ts'), 'RunsOptions')
  const pod = documentedProperties(read('src/runtime/join-options.ts'), 'JoinOptions')
  const server = documentedProperties(read('src/runtime/serve.ts'), 'ServeOptions')
  const node = documentedProperties(read('src/node.ts'), 'NodeServeOptions')
  const bun = documentedProperties(read('src/bun.ts'), 'BunServeOptions')
  const join = documentedProperties(read('src/node.ts'), 'NodeJoinOptions')
  const codes = documentedMembers(read('src/errors.ts'), 'SserErrorCode')
  return {
    'docs/options.md': [
      '# Options',
      'Generated from the source by `npm run docs:pages`.',
      'An unknown or invalid option throws an `SserError` with the code `invalid-options`, which names the option, the expected and the received value. Times are in milliseconds, at most 2,147,483,647 (24.8 days).',
      '## `new Sser()`',
      ...instance.map(section),
      '## `runs`',
      'Members of the option `runs`: limits of the runs of a Pod. Use the same values on all Pods.',
      ...runs.map(section),
      '## `serve()` and `join()`',
      'Options of `serve()` and `join()` from `sser/node` and `sser/bun`.',
      ...pod.map(section),
      '## `serve()`',
      'Further options of `serve()`.',
      ...server.map(section),
      '## `serve()` of `sser/node`',
      'Further options under Node.',
      ...node.map(section),
      '## `serve()` of `sser/bun`',
      'A further option under Bun, where `serve()` ignores `fastPath`.',
      ...bun.map(section),
      '## `join()`',
      'A further option of `join()`, as Node has it; under Bun it is the server that `Bun.serve()` has returned. [Frameworks](frameworks.md) has an example for each framework.',
      ...join.map(section),
      '',
    ].join('\n\n'),
    'docs/api.md': apiPage(),
    'docs/errors.md': [
      '# Errors',
      'Generated from the source by `npm run docs:pages`.',
      'Every error of `sser` is an `SserError`: `code` is stable, `message` is for people, `cause` has the underlying error, and `status` is the HTTP status for a request that fails with it. Refusals of the events endpoint have the code in the header `Sser-Error`.',
      ...codes.map(({ name, text }) => `## \`${name}\`\n\n${text.replace(' Fix: ', '\n\n**Fix:** ')}`),
      '',
    ].join('\n\n'),
  }
}

/** The page of the methods, and of the objects that they take and return. */
function apiPage(): string {
  const members = documentedSignatures(read('src/sser.ts'), 'Sser')
  const list = (path: string, name: string) =>
    documentedSignatures(read(path), name)
      .filter(({ text }) => !text.startsWith('@internal'))
      .map(item)
      .join('\n')
  const stats = read('src/ops/stats.ts')
  const statsBody = stats.slice(stats.indexOf('export interface Stats {'), stats.indexOf('/** Sources of'))
  return [
    '# Methods and receipts',
    'Generated from the source by `npm run docs:pages`.',
    'The members of an instance of `Sser`, and the objects that they take and return. Its constructor, `serve()` and `join()` take [options](options.md), and the codes of rejections are in [errors](errors.md).',
    '## `Sser`',
    ...members.map(({ name, signature, text, throws }) =>
      [
        `### \`${/^\w+(?:<.*?>)?\??\(/.test(signature) ? `${name}()` : signature.split(':')[0]}\``,
        `\`${signature}\``,
        text,
        ...(throws === undefined ? [] : [`**Throws:** ${throws}`]),
      ].join('\n\n'),
    ),
    '## `SserState`',
    documentedType(read('src/instance/lifecycle.ts'), 'SserState'),
    '## `SendOptions`',
    list('src/instance/sender.ts', 'SendOptions'),
    '## `Endpoint`',
    list('src/admission/events-endpoint.ts', 'Endpoint'),
    '## `EndpointOptions`',
    list('src/admission/events-endpoint.ts', 'EndpointOptions'),
    '## `Receipt`',
    list('src/replication/receipt.ts', 'Receipt'),
    '## `PeerReceipt`',
    list('src/replication/receipt.ts', 'PeerReceipt'),
    '## `SubscribeOptions`',
    list('src/instance/subscriptions.ts', 'SubscribeOptions'),
    '## `Subscription`',
    'An async iterable, and the iterator of one loop. Its items are of two types, told apart by `type`:',
    list('src/delivery/subscription-items.ts', 'SubscriptionEvent'),
    list('src/delivery/subscription-items.ts', 'SubscriptionGap'),
    '## `StreamOptions`',
    list('src/instance/typed-stream.ts', 'StreamOptions'),
    '## `TypedStream`',
    'The result of `stream()`. Its subscriptions have events with parsed `data`, gaps, and:',
    list('src/instance/typed-stream.ts', 'TypedStream'),
    list('src/instance/typed-stream.ts', 'InvalidEvent'),
    '## `StartRunOptions`',
    list('src/instance/run-calls.ts', 'StartRunOptions'),
    '## `Run`',
    'The result of `startRun()`: the handle of the producer.',
    list('src/runs/run.ts', 'Run'),
    '## `ReadRunOptions`',
    list('src/instance/run-calls.ts', 'ReadRunOptions'),
    '## `RunSubscription`',
    'The result of `readRun()`: an async iterable, and the iterator of one loop. Its items are told apart by `type`:',
    list('src/runs/run-subscription.ts', 'RunChunk'),
    list('src/runs/run-subscription.ts', 'RunGap'),
    list('src/runs/run-reader.ts', 'RunInterrupted'),
    list('src/runs/run-reader.ts', 'RunResumed'),
    list('src/runs/run-reader.ts', 'RunEnded'),
    '## `CancelReceipt`',
    list('src/instance/run-calls.ts', 'CancelReceipt'),
    '## `RunStatus`',
    list('src/instance/run-calls.ts', 'RunStatus'),
    '## `ConnectionSelector`',
    list('src/log/entry.ts', 'ConnectionSelector'),
    '## `DisconnectReceipt`',
    list('src/replication/receipt.ts', 'DisconnectReceipt'),
    '## `StartOptions`',
    list('src/instance/membership.ts', 'StartOptions'),
    '## `StopOptions`',
    list('src/instance/membership.ts', 'StopOptions'),
    '## `PeerStatus`',
    list('src/replication/peer-status.ts', 'PeerStatus'),
    `The states of a link: ${documentedType(read('src/replication/peer-status.ts'), 'LinkState')}`,
    '## `StatsOptions`',
    list('src/ops/stats.ts', 'StatsOptions'),
    '## `Stats`',
    `\`\`\`ts\n${statsBody.trim()}\n\`\`\``,
    '## `RunningPod`',
    'The result of `join()`.',
    list('src/runtime/running-pod.ts', 'RunningPod'),
    '## `RunningServer`',
    'The result of `serve()`: a `RunningPod` with one more member.',
    list('src/runtime/serve.ts', 'RunningServer'),
    '',
  ].join('\n\n')
}

function item({ signature, text, fallback }: Member): string {
  return `- \`${signature}\`: ${text}${fallback === undefined ? '' : ` Default: ${fallback}.`}`
}

function section({ name, text, fallback }: Documented): string {
  return `### \`${name}\`\n\n${text}${fallback === undefined ? '' : ` Default: ${fallback}.`}`
}

if (import.meta.main)
  for (const [path, text] of Object.entries(pages()))
    writeFileSync(new URL(path, ROOT), `${text.trimEnd()}\n`)
