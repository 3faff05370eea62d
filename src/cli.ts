#!/usr/bin/env node

/** Equal to `engines` in `package.json`. An older Node fails at an import without an explanation. */
const OLDEST_NODE = '22.19'

const USAGE = `Usage: npx sser doctor URL [options]   finds problems between a browser and the Pods
       npx sser demo [options]         runs Pods on this machine, and a page that kills them
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
  if (command === 'help' || command === '--help' || command === '-h') {
    process.stdout.write(USAGE)
    return 0
  }
  const error =
    command === undefined ? '' : `unknown command ${JSON.stringify(command)}; expected "doctor" or "demo"\n\n`
  process.stderr.write(error + USAGE)
  return 2
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = than.split('.').map(Number)
  return major < leastMajor || (major === leastMajor && minor < leastMinor)
}
