#!/usr/bin/env node

/** Equal to `engines` in `package.json`. An older Node fails at an import without an explanation. */
const OLDEST_NODE = '22.19'

const USAGE = `Usage: npx sser doctor URL [options]   finds problems between a browser and the Pods
       npx sser demo [options]         runs Pods on this machine, and a page that kills them
       npx sser listen URL [options]   prints the events of streams, and resumes by itself
       npx sser send URL [options]     sends an event by the publish routes of a Pod
Each command explains its options with --help.
`

if (isOlder(process.versions.node, OLDEST_NODE)) {
  process.stderr.write(`sser needs Node ${OLDEST_NODE} or newer; this is ${process.versions.node}\n`)
  process.exitCode = 2
} else {
  process.exitCode = await run(process.argv.slice(2))
}

async function run([command, ...args]: readonly string[]): Promise<number> {
  // A reader such as `head` may close the pipe early: end without a stack trace.
  process.stdout.on('error', () => process.exit(2))
  if (command === 'doctor') return (await import('./doctor/command.ts')).doctor(args, process)
  if (command === 'demo') return (await import('./demo/command.ts')).demo(args, process)
  if (command === 'listen') return (await import('./commands/listen.ts')).listen(args, commandIo())
  if (command === 'send') return (await import('./commands/send.ts')).send(args, commandIo())
  if (command === 'help' || command === '--help' || command === '-h') {
    process.stdout.write(USAGE)
    return 0
  }
  const error =
    command === undefined
      ? ''
      : `unknown command ${JSON.stringify(command)}; expected "doctor", "demo", "listen" or "send"\n\n`
  process.stderr.write(error + USAGE)
  return 2
}

/** The streams of the process, and a signal that SIGINT and SIGTERM abort. */
function commandIo() {
  const { stdin, stdout, stderr, env } = process
  const ending = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ending.abort(name))
  return { stdin, stdout, stderr, env, signal: ending.signal }
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = than.split('.').map(Number)
  return major < leastMajor || (major === leastMajor && minor < leastMinor)
}
