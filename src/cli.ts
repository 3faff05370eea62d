#!/usr/bin/env node

/** Equal to `engines` in `package.json`. An older Node fails at an import without an explanation. */
const OLDEST_NODE = '22.19'

if (isOlder(process.versions.node, OLDEST_NODE)) {
  process.stderr.write(`sser needs Node ${OLDEST_NODE} or newer; this is ${process.versions.node}\n`)
  process.exitCode = 2
} else {
  process.exitCode = await run(process.argv.slice(2))
}

async function run([command, ...args]: readonly string[]): Promise<number> {
  const { doctor, HELP, USAGE } = await import('./doctor/command.ts')
  // A reader such as `head` may close the pipe early: end without a stack trace.
  process.stdout.on('error', () => process.exit(2))
  if (command === 'doctor') return doctor(args, process)
  if (command === 'help' || command === '--help' || command === '-h') {
    process.stdout.write(HELP)
    return 0
  }
  const error =
    command === undefined ? '' : `unknown command ${JSON.stringify(command)}; expected "doctor"\n\n`
  process.stderr.write(error + USAGE)
  return 2
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = than.split('.').map(Number)
  return major < leastMajor || (major === leastMajor && minor < leastMinor)
}
